"""The embedded quick study through the real command line: what it leaves, and what the same command does again."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from study_runs import QUICK, Ended, cells, contents, folder_of, ledger, named, shallowsight

from shallowsight.report.write import FILES as FILES_OF_THE_REPORT
from shallowsight.store.digest import file_sha256

pytestmark = pytest.mark.slow

BENCHMARKS = ["scenes_category", "scenes_count", "scenes_position", "scenes_colour", "scenes_ocr", "easy_vqa"]
MEMBER_STEPS = ("pretrain", "finetune", "evaluate")
ALL = {"prepare", "analyze", "encode layer 6", "encode layer 12"} | {f"{s} {k}" for s in MEMBER_STEPS for k in (6, 12)}
FILES = {
    "prepare": {
        "images-00000.tar",
        "images.jsonl",
        "images.npy",
        "questions.jsonl",
        "finetune.jsonl",
        "pretrain.jsonl",
        "held_out.jsonl",
        "data.json",
    },
    "analyze": {"analysis.json"},
    "encode": {"features.npy", "images.json"},
    "pretrain": {"connector.safetensors", "experiment.json", "losses.jsonl"},
    "finetune": {
        "connector.safetensors",
        "language.safetensors",
        "experiment.json",
        "tower.json",
        "losses.jsonl",
        "learning.json",
    },
    "evaluate": {"scores.json", "samples.jsonl"},
}


@pytest.fixture
def copy(quick: Path, tmp_path: Path) -> Path:
    """The finished study, for tests that damage it."""
    return Path(shutil.copytree(quick, tmp_path / "copy"))


def test_run_ends_well_and_says_so(finished: tuple[Path, Ended]) -> None:
    study, ended = finished
    assert ended.status == 0, ended.all
    assert ended.err == ""
    assert ended.first_line < ended.seconds / 5
    lines = ended.out.splitlines()
    assert lines[0] == "shallowsight: study quick"
    assert f"report: {study}/report/report.html" in lines
    table = [line.split() for line in lines]
    assert ["setting", "category", "count", "position", "colour", "ocr", "easy-vqa"] in table
    assert {row[0] for row in table if len(row) == 7 and row[0] in {"6", "12"}} == {"6", "12"}


def test_report_is_complete(quick: Path) -> None:
    names = {p.name for p in (quick / "report").iterdir()}
    assert names == set(FILES_OF_THE_REPORT)
    for name in ("curves.png", "learning.png", "similarity.png"):
        assert (quick / "report" / name).read_bytes().startswith(b"\x89PNG")
    assert len((quick / "report" / "scores.csv").read_text().splitlines()) == 1 + 2 * len(BENCHMARKS)
    recommended = json.loads((quick / "report" / "recommendation.json").read_text())["categories"]
    assert set(recommended) == {"category", "count", "position", "colour", "ocr", "easy-vqa", "all categories"}


def test_layout_of_the_study_folder(quick: Path) -> None:
    assert json.loads((quick / "study.json").read_text())["study"]["name"] == "quick"
    assert {*cells(quick)} == ALL
    for name, cell in cells(quick).items():
        folder = quick / "cells" / cell["digest"]
        on_disk = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
        assert on_disk == {*cell["outputs"], "cell.json"}
        assert FILES[name.split()[0]] <= on_disk
        for output, facts in cell["outputs"].items():
            assert facts == {"sha256": file_sha256(folder / output), "size": (folder / output).stat().st_size}
    left = {p.name for p in (quick / "cells").iterdir()} - {c["digest"] for c in cells(quick).values()}
    assert all(name.endswith(".lock") for name in left)
    assert not (quick / "tmp").exists()


def test_plan_names_every_cell(quick: Path) -> None:
    plan = json.loads((quick / "plan.json").read_text())
    found = cells(quick)
    assert [m["setting"] for m in plan["members"]] == ["6", "12"]
    assert plan["members"][1]["roles"] == ["last"]
    assert plan["analysis"] == found["analyze"]["digest"]
    assert plan["shared"] == {
        "prepare": found["prepare"]["digest"],
        "encode": {k: found[f"encode layer {k}"]["digest"] for k in ("6", "12")},
    }
    for member in plan["members"]:
        (only,) = member["experiments"]
        assert only["seed"] == 0
        assert only["cells"] == {step: found[f"{step} {member['setting']}"]["digest"] for step in MEMBER_STEPS}


def test_ledger_tells_the_story_in_order(quick: Path) -> None:
    lines = ledger(quick)
    assert {line["event"] for line in lines} == {"started", "done"}
    order = {(line["event"], line["cell"]): place for place, line in enumerate(lines)}
    assert len(order) == len(lines) == 2 * len(ALL)
    for cell in cells(quick).values():
        assert order["started", cell["digest"]] < order["done", cell["digest"]]
        for parent in cell["parents"]:
            assert order["done", parent] < order["started", cell["digest"]]


def _samples(quick: Path, setting: int) -> list[dict[str, Any]]:
    path = folder_of(quick, f"evaluate {setting}") / "samples.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("setting", [6, 12])
def test_scores_agree_with_the_samples(quick: Path, setting: int) -> None:
    scores = json.loads((folder_of(quick, f"evaluate {setting}") / "scores.json").read_text())
    assert (scores["setting"], scores["layers"], scores["seed"]) == (str(setting), [setting], 0)
    assert [b["name"] for b in scores["benchmarks"]] == BENCHMARKS
    samples = _samples(quick, setting)
    for score in scores["benchmarks"]:
        rows = [s for s in samples if s["benchmark"] == score["name"]]
        assert score["metric"] == "accuracy"
        assert score["n"] == len(rows) > 0
        assert score["value"] == pytest.approx(sum(r["correct"] for r in rows) / len(rows))
        for row in rows:
            same = row["prediction"].strip().lower().rstrip(".") == row["target"].strip().lower().rstrip(".")
            assert row["correct"] == 1 or not same
    assert len({(s["benchmark"], s["id"]) for s in samples}) == len(samples)
    questions = folder_of(quick, "prepare") / "questions.jsonl"
    assert len(samples) == len(questions.read_text().splitlines())


def test_models_learnt_something(quick: Path) -> None:
    for setting in (6, 12):
        lines = (folder_of(quick, f"finetune {setting}") / "losses.jsonl").read_text().splitlines()
        losses = [json.loads(line)["loss"] for line in lines]
        assert losses[-1] < 0.5 * losses[0]
        assert len({s["prediction"] for s in _samples(quick, setting)}) > 3


def test_no_pickle_is_written(quick: Path) -> None:
    suffixes = {p.suffix for p in quick.rglob("*") if p.is_file()}
    assert not suffixes & {".pt", ".pth", ".bin", ".pkl", ".pickle", ".ckpt"}


def test_the_same_command_again_makes_no_cell(copy: Path) -> None:
    (copy / "report" / "report.html").unlink()  # written again all the same
    before = len(ledger(copy))
    ended = shallowsight("study", *QUICK, "--out", str(copy))
    assert ended.status == 0, ended.all
    assert named(ledger(copy)[before:], "started") == set()
    assert "10 cells are whole, 0 are to be made" in ended.out
    assert (copy / "report" / "report.html").exists()


def test_dry_run_of_a_finished_study_changes_nothing(quick: Path) -> None:
    def state() -> dict[str, int]:
        return {str(p): p.stat().st_mtime_ns for p in quick.rglob("*")}

    before = state()
    ended = shallowsight("study", *QUICK, "--out", str(quick), "--dry-run")
    assert ended.status == 0
    assert ended.out.count("  whole  ") == 10
    assert "forecast" not in ended.out
    assert state() == before


def test_lost_and_damaged_cells_alone_are_made_again(copy: Path) -> None:
    good = contents(copy)
    shutil.rmtree(folder_of(copy, "pretrain 6"))
    weights = folder_of(copy, "finetune 12") / "language.safetensors"
    data = bytearray(weights.read_bytes())
    data[len(data) // 2] ^= 1
    weights.write_bytes(data)
    before = len(ledger(copy))

    ended = shallowsight("study", *QUICK, "--out", str(copy))

    assert ended.status == 0, ended.all
    assert "8 cells are whole, 2 are to be made" in ended.out
    after = ledger(copy)[before:]
    assert named(after, "corrupt") == {"finetune 12"}
    assert named(after, "started") == named(after, "done") == {"pretrain 6", "finetune 12"}
    # Their bytes came out equal, so nothing that was made from them is stale.
    assert named(after, "reused") == ALL - {"pretrain 6", "finetune 12"}
    assert contents(copy) == good
