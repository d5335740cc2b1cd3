"""The files for servers in the report: a copy of each beside the page, and the place where it is sent."""

import hashlib
import json
from pathlib import Path

import pytest
from study_builder import FEW, Builder

from shallowsight.report.inputs import OUTPUTS, read_study
from shallowsight.report.submissions import for_servers
from shallowsight.report.write import write_report
from shallowsight.study.public_benchmarks import submission_files

SERVER = "https://eval.ai/<x>"


def study_with_submissions(folder: Path, damaged: str = "") -> Path:
    """Every evaluate cell has one file, and one that was not written."""
    Builder(curves={"count": FEW["count"]}, n=30, fusion_gain=None, analysis=False).write(folder)
    for cell in (folder / "cells").iterdir():
        record = json.loads((cell / "cell.json").read_text())
        if record["step"] != "evaluate":
            continue
        (cell / "submissions").mkdir()
        content = f"{record['setting']} {record['seed']}"
        (cell / "submissions" / "textvqa_test.json").write_text(content)
        scores = json.loads((cell / "scores.json").read_text())
        scores["submissions"] = {
            "textvqa_test": {
                "file": "submissions/textvqa_test.json", "answers": 4, "refused": {"2": "two pictures"}, "to": SERVER,
            },
            "mmvet": {"file": None, "why": "its server takes all 218 answers", "to": SERVER},
        }  # fmt: skip
        (cell / "scores.json").write_text(json.dumps(scores))
        sha256 = hashlib.sha256(b"other" if record["setting"] == damaged else content.encode()).hexdigest()
        outputs = {"submissions/textvqa_test.json": {"sha256": sha256, "size": len(content)}}
        (cell / "cell.json").write_text(json.dumps(record | {"outputs": outputs}))
    return folder


@pytest.mark.slow
def test_each_models_file_lies_beside_the_page(tmp_path: Path) -> None:
    study = study_with_submissions(tmp_path / "study")
    write_report(study, study / "report")
    rows = json.loads((study / "report" / "report.json").read_text())["submissions"]
    files = [row for row in rows if row["benchmark"] == "textvqa_test"]
    settings = {member.setting for member in read_study(study).members}
    assert {(row["setting"], row["seed"]) for row in files} == {(s, seed) for s in settings for seed in range(3)}
    for row in files:
        assert (study / "report" / row["file"]).read_text() == f"{row['setting']} {row['seed']}"
        assert (row["answers"], row["refused"], row["to"], row["why"]) == (4, 1, SERVER, "")
    assert len({row["file"] for row in files}) == len(files) == len(list((study / "report" / "submissions").iterdir()))
    none = next(row for row in rows if row["benchmark"] == "mmvet")
    assert none["file"] is None and none["why"] == "its server takes all 218 answers"
    page = (study / "report" / "report.html").read_text()
    section = page[page.index('<section id="public">') :]
    section = section[: section.index("</section>")]
    assert "<h2>Public benchmarks</h2>" in section and "Numbers beside" not in section
    assert "textvqa_test: to be scored by its server, 4 answers of each model" in section
    assert "https://eval.ai/&lt;x&gt;" in section and f"<code>{files[0]['file']}</code>" in section
    assert "mmvet: no file for its server" in section and "its server takes all 218 answers." in section
    assert "<code>submissions/</code>" in page[page.index("Beside this page") :]
    write_report(study, study / "report")  # its own files are no foreign ones


def test_they_have_no_score(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    Builder(curves={"count": FEW["count"]}, n=30, fusion_gain=None, analysis=False).write(plain)
    without, having = read_study(plain), read_study(study_with_submissions(tmp_path / "study"))
    assert not for_servers(without) and len(for_servers(having)) == 2 * 4 * 3
    for one, other in zip(without.members, having.members, strict=True):
        scores = [(trial.benchmarks, trial.samples, trial.not_run) for trial in one.trials]
        assert scores == [(trial.benchmarks, trial.samples, trial.not_run) for trial in other.trials]


def test_a_damaged_file_is_a_gap(tmp_path: Path) -> None:
    found = read_study(study_with_submissions(tmp_path / "study", damaged="7"))
    assert {each.setting for each in for_servers(found) if each.file} == {"2", "11", "12"}
    assert sum("submissions/textvqa_test.json of cell" in problem for problem in found.problems) == 3
    assert all(trial.done for member in found.members for trial in member.trials), "the scores count"


@pytest.mark.parametrize("name", ["submissions/mmbench_test.xlsx", "submissions/textvqa_test.json"])
def test_a_view_of_a_store_has_them(name: str) -> None:
    assert name in OUTPUTS and name in submission_files()
