"""Public benchmarks in the report: sub-tasks, finer categories, lmms-eval's numbers and ours, undecided and refused."""

import csv
import json
from pathlib import Path

import pytest
from public_answers import add_public
from study_builder import FEW, Builder

from shallowsight.report.findings import find
from shallowsight.report.inputs import read_study
from shallowsight.report.public_numbers import public_tables
from shallowsight.report.subtasks import FINER, SUBTASK, subtasks
from shallowsight.report.write import write_report

LAYERS = {"2": 6, "7": 9, "11": 3, "12": 3}


def right(setting: str, seed: int, subtask: str) -> int:
    """Of 12 questions."""
    return LAYERS[setting] + (seed if subtask == "OCR" else 0)


def public_study(folder: Path, **how: int) -> Path:
    built = Builder(curves={"count": FEW["count"]}, n=30, fusion_gain=None, analysis=False).write(folder)
    return add_public(built, right, **how)


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = public_study(tmp_path_factory.mktemp("public") / "study", undecided=3, refused=2)
    write_report(folder, folder / "report")
    return folder


def test_subtasks_and_finer_categories(tmp_path: Path) -> None:
    parts = subtasks(find(read_study(public_study(tmp_path / "study"))))
    assert [(p.kind, p.name, p.benchmarks, p.questions) for p in parts] == [
        (SUBTASK, "existence", ("mme",), 12),
        (SUBTASK, "count", ("mme",), 12),
        (SUBTASK, "OCR", ("mme",), 12),
        (SUBTASK, "random", ("pope",), 12),
        (FINER, "coarse", ("mme",), 12),
        (FINER, "fine", ("mme",), 24),
        (FINER, "counting", ("mme",), 12),
        (FINER, "text", ("mme",), 12),
    ]
    by_name = {p.name: p.scores["7"] for p in parts}
    assert (by_name["count"].mean, by_name["count"].sd, by_name["count"].seeds) == (0.75, 0.0, 3)
    # 9, 10 and 11 of 12: the mean is 10 / 12, the standard deviation one question.
    assert by_name["OCR"].mean == pytest.approx(10 / 12) and by_name["OCR"].sd == pytest.approx(1 / 12)
    assert by_name["fine"].mean == pytest.approx((9 + 10) / 24) and by_name["fine"].sd == pytest.approx(1 / 24)
    assert by_name["fine"].highest == by_name["fine"].mean and not by_name["fine"].undecided


def test_a_category_without_a_decided_answer_is_said_not_to_be_compared(tmp_path: Path) -> None:
    folder = public_study(tmp_path / "study")
    for file in folder.glob("cells/*/samples.jsonl"):
        rows = [json.loads(line) for line in file.read_text().splitlines()]
        rows = [row | ({"undecided": True} if row["benchmark"] == "mme" else {}) for row in rows]
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = find(read_study(folder))
    assert "general" not in [c.name for c in found.categories]
    (said,) = (problem for problem in found.problems if problem.startswith("general"))
    assert (
        said
        == "general: not compared, because no answer to its questions is decided; a judge may decide them (judge.ask)"
    )


def test_undecided_answers_make_a_range(reported: Path) -> None:
    parts = {p.name: p for p in subtasks(find(read_study(reported)))}
    count = parts["count"].scores["7"]  # 9 of 12 right, the other 3 undecided
    assert (count.mean, count.highest, count.undecided) == (0.75, 1.0, 9)
    assert parts["OCR"].scores["7"].undecided == 0
    page = (reported / "report" / "report.html").read_text()
    assert (
        "36 answers to public benchmarks are undecided: such a question is left out here, for all models" in page
    )  # 3 of 4 x 3 models
    assert "75.0\N{EN DASH}100.0" in page and "undecided, all seeds" in page


def test_both_numbers_side_by_side(reported: Path) -> None:
    mme, pope = public_tables(find(read_study(reported)))
    assert (mme.name, mme.some_of, mme.largest["mme_perception_score"]) == ("mme", 2374, 2000)
    seven = next(row for row in mme.rows if row.setting == "7")
    # 9 + 9 + (9, 10 or 11) answers are right.
    assert seven.official == {"mme_perception_score": (280.0, 10.0), "mme_cognition_score": (100.0, 0.0)}
    assert seven.ours == {"perception": (252.0, 9.0)} and seven.refused == 0
    assert pope.official == () and [row.refused for row in pope.rows] == [2] * 4
    assert pope.ours == ("accuracy",), "what one seed lacks has no mean over seeds"
    page = (reported / "report" / "report.html").read_text()
    assert "lmms-eval&rsquo;s own, official" in page and "mme_perception_score (of 2000)" in page
    assert "280.0</span> <small>&plusmn;10.0" in page and "252.0</span> <small>&plusmn;9.0" in page
    assert "No official numbers: questions were refused" in page
    assert "of a set of 2374 rows" in page and "some refused" in page


def test_they_are_collapsed_below_the_scores(reported: Path) -> None:
    page = (reported / "report" / "report.html").read_text()
    section = page[page.index('<section id="public">') :]
    section = section[: section.index("</section>")]
    assert page.index('id="scores"') < page.index('id="public"') < page.index('id="limits"')
    assert section.count("<details>") == section.count("</details>") == 3 and "open" not in section
    assert "<table" not in section[: section.index("<details>")]
    assert "Finer categories: coarse, fine, counting, text" in section


def test_every_part_is_in_the_files(reported: Path) -> None:
    rows = list(csv.DictReader((reported / "report" / "subtasks.csv").open()))
    assert len(rows) == 8 * 4
    count = next(r for r in rows if (r["kind"], r["name"], r["setting"]) == ("sub-task", "count", "7"))
    assert count == {
        "kind": "sub-task", "name": "count", "benchmarks": "mme", "setting": "7", "seeds": "3", "questions": "12",
        "mean": "0.75", "sd": "0.0", "undecided": "9", "highest": "1.0",
    }  # fmt: skip
    numbers = json.loads((reported / "report" / "report.json").read_text())
    assert [t["name"] for t in numbers["public_benchmarks"]] == ["mme", "pope"]
    assert [p["name"] for p in numbers["subtasks"]][:2] == ["existence", "count"]
    write_report(reported, reported / "report")  # its own files are no foreign ones


def test_a_study_of_its_own_questions_has_none(planted: Path) -> None:
    findings = find(read_study(planted))
    assert subtasks(findings) == () and public_tables(findings) == ()
    assert 'id="public"' not in (planted / "report" / "report.html").read_text()
    assert not (planted / "report" / "subtasks.csv").exists()
    assert json.loads((planted / "report" / "report.json").read_text())["subtasks"] == []
