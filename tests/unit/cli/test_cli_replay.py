"""`shallowsight replay paper` from the command line."""

import json
from pathlib import Path

import pytest
import yaml
from command_line import Run

from shallowsight.report.claims import paper
from shallowsight.steps import replay_paper

DATA, FIGURE = paper.DATA, paper.FIGURE


def test_replay_paper(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    ended = run("replay", "paper")
    assert (ended.status, ended.err) == (0, "")
    assert "Deep layers are best for OCR. (printed)" in ended.out and "layer 19 dips in all 7 curves" in ended.out
    assert "NOT HELD" not in ended.out
    assert "12 claims hold; 2 rest on numbers that could not be read." in ended.out
    assert "One run of each layer: an ordering of numbers beyond the reading error, no tested difference." in ended.out


def test_a_wrong_number_ends_with_status_1_and_a_line_for_each_claim(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = yaml.safe_load(DATA.read_text(encoding="utf-8"))
    content["series"][1]["values"][22] = 205  # OCRBench of layer 23
    (tmp_path / DATA.name).write_text(yaml.safe_dump(content))
    (tmp_path / FIGURE).write_text(json.dumps(json.loads(DATA.with_name(FIGURE).read_text(encoding="utf-8"))))
    monkeypatch.setattr(replay_paper, "read_paper", lambda: paper.read_paper(tmp_path / DATA.name))
    ended = run("replay", "paper")
    assert ended.status == 1
    lines = ended.err.splitlines()
    assert lines[0] == "shallowsight: 4 claims of the paper do not hold in its numbers:"
    assert [line.partition(":")[0].strip() for line in lines[1:]] == [
        "numbers as read",
        "Figure 2 from Figure 1b",
        "deep for OCR",
        "OCRBench, 23 over 18",
    ]
    assert "OCRBench adds up to 2418, not 2446" in ended.err
    assert ended.out.count("NOT HELD") == 4


def test_another_name_is_refused(run: Run) -> None:
    ended = run("replay", "runs/demo")
    assert ended.status == 2
    assert ended.err == "shallowsight: replay 'runs/demo': only `shallowsight replay paper` is there\n"
