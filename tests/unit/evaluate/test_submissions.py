"""The files for servers: the same as lmms-eval writes of the same answers, and whole or not there."""

import importlib.util
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from lmms_eval_numbers import own_numbers, recorded_model
from public_rows import FOR_SERVERS, MAKERS, write_set

from shallowsight.data.public.mirror import local_set, read_set
from shallowsight.evaluate.harness import run_lmms_eval
from shallowsight.evaluate.public.asking import Asked, PublicSet, ask
from shallowsight.evaluate.public.spreadsheet import spreadsheet
from shallowsight.study.public_benchmarks import find_public, public_benchmarks

ANSWERS = ("A", "", "The sign says: Stop!", "=1+1", "two words", " B. a dog\n", '\N{GREEK SMALL LETTER ALPHA} "x" <y>')
UNSCORED = "only its server can score its answers"


def answer(doc: Mapping[str, Any], number: int) -> str:
    return ANSWERS[number % len(ANSWERS)]


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Asked]:
    """Asks a benchmark for its submission, with a model that gives recorded answers."""
    monkeypatch.chdir(tmp_path)  # lmms-eval writes files

    def run(name: str, most: int = 0, unscored: str = UNSCORED, refused: tuple[int, ...] = ()) -> Asked:
        benchmark = find_public(name)
        assert benchmark is not None
        mirror = tmp_path / "mirror"
        if not (mirror / name).exists():
            write_set(mirror, name)
        work = tmp_path / f"work-{len(list(tmp_path.iterdir()))}"
        work.mkdir()
        model = recorded_model(lambda doc, n: "" if n in refused else answer(doc, n), tmp_path)
        model.refused |= {(benchmark.task, n): "it shows 2 pictures at once" for n in refused}
        record = read_set(str(mirror), benchmark)
        found = PublicSet(benchmark, local_set(str(mirror), benchmark, record), record.split, unscored=unscored)
        return ask(found, most, model, lambda tasks, folder: run_lmms_eval(model, tasks, folder), work)

    return run


def written(found: Asked, out: Path) -> bytes:
    assert found.submission is not None
    out.mkdir()
    said = found.submission.write(out)
    return (out / said["file"]).read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("name", FOR_SERVERS)
def test_the_file_is_lmms_evals(name: str, asked: Callable[..., Asked], tmp_path: Path) -> None:
    found = asked(name)
    assert found.rows == [] and found.official == {} and found.not_run == ""
    ours = written(found, tmp_path / "ours")
    (tmp_path / "theirs").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path / "theirs")
        own_numbers(name, recorded_model(answer, tmp_path), tmp_path / "mirror", tmp_path / "own")
    (theirs,) = (path for path in (tmp_path / "theirs" / "submissions").iterdir())
    if theirs.suffix == ".json":
        assert ours == theirs.read_bytes() and len(json.loads(ours)) == len(MAKERS[name]()[0])
        return
    (tmp_path / "ours.xlsx").write_bytes(ours)
    own = pd.read_excel(tmp_path / "ours.xlsx", keep_default_na=False)
    official = pd.read_excel(theirs, keep_default_na=False)
    # lmms-eval's file has formulas, without a value, where a text begins with `=`; ours has the text.
    formulas = own.map(lambda value: str(value).startswith("="))
    assert formulas.any().any() and (official.where(formulas, "") == "").all().all()
    pd.testing.assert_frame_equal(own.mask(formulas, ""), official)
    assert list(own["prediction"][:4]) == ["A", "", "The sign says: Stop!", "=1+1"]


@pytest.mark.slow
def test_mmvets_evaluator_gets_an_object(asked: Callable[..., Asked], tmp_path: Path) -> None:
    judged = asked("mmvet", unscored="")
    assert len(judged.rows) == 3 and judged.not_run == ""
    found = asked("mmvet", unscored="only a judge can score its answers")
    assert found.rows == [] and found.not_run == (
        "only a judge can score its answers; its answers are in submissions/mmvet.json, for "
        "https://huggingface.co/spaces/whyu/MM-Vet_Evaluator"
    )
    ours = written(found, tmp_path / "ours")
    assert json.loads(ours) == {"v1_0": "A", "v1_1": "", "v1_2": "The sign says: Stop!"}
    assert ours == written(judged, tmp_path / "judged")


@pytest.mark.slow
def test_a_part_of_the_answers_is_no_submission(asked: Callable[..., Asked], tmp_path: Path) -> None:
    found = asked("mmvet", most=2, unscored="")
    assert found.submission is not None and found.submission.content is None and len(found.rows) == 2
    said = found.submission.write(tmp_path / "none")
    assert said["file"] is None and not (tmp_path / "none").exists()
    assert said["why"] == "its server takes all 3 answers, and data.benchmark_rows=2 asks fewer; set it to 0"
    assert asked("mmvet", most=3, unscored="").submission.content is not None  # type: ignore[union-attr]


@pytest.mark.slow
def test_refused_questions_have_an_empty_answer(asked: Callable[..., Asked], tmp_path: Path) -> None:
    found = asked("textvqa_test", refused=(2,))
    assert found.submission is not None
    assert found.submission.said["refused"] == {"2": "it shows 2 pictures at once"}
    assert found.submission.said["answers"] == 4
    entries = json.loads(written(found, tmp_path / "ours"))
    assert [entry["question_id"] for entry in entries] == [0, 1, 2, 3] and entries[2]["answer"] == ""


@pytest.mark.slow
def test_without_a_writer_for_spreadsheets_it_is_not_run(
    asked: Callable[..., Asked], monkeypatch: pytest.MonkeyPatch
) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        "shallowsight.evaluate.public.needs.find_spec",
        lambda name: None if name == "openpyxl" else find_spec(name),
    )
    found = asked("mmbench_test")
    assert found.submission is None
    assert found.not_run == "this needs the package 'openpyxl'; install it with: pip install 'shallowsight[evaluate]'"


def test_what_is_not_scored_here_has_a_file() -> None:
    asked = [each for each in public_benchmarks().values() if each.needs_judge or not each.scored]
    assert {each.name: each.submission_file for each in asked} == {
        "mmbench_test": "submissions/mmbench_test.xlsx",
        "mmvet": "submissions/mmvet.json",
        "textvqa_test": "submissions/textvqa_test.json",
    }


def test_a_spreadsheet_has_texts_as_they_are(tmp_path: Path) -> None:
    rows = [
        {"index": 7, "prediction": "=SUM(A1)", "hint": float("nan")},
        {"index": 8, "prediction": "a\x00b\x1b[0m\uffff c", "extra": "nan"},
    ]
    (tmp_path / "x.xlsx").write_bytes(spreadsheet(rows))
    found = pd.read_excel(tmp_path / "x.xlsx", keep_default_na=False)
    assert found.to_dict("records") == [
        {"index": 7, "prediction": "=SUM(A1)", "hint": "", "extra": ""},
        {"index": 8, "prediction": "ab[0m c", "hint": "", "extra": "nan"},
    ]


def test_equal_rows_give_equal_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"index": 7, "prediction": "A"}]
    first = spreadsheet(rows)
    real = __import__("datetime").datetime

    class Later(real):  # type: ignore[misc, valid-type]
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return real(2040, 1, 1, tzinfo=tz)

    monkeypatch.setattr("openpyxl.writer.excel.datetime.datetime", Later)
    assert spreadsheet(rows) == first
    assert spreadsheet([{"index": 7, "prediction": "B"}]) != first
