"""What records and environment tell before anything is computed: refused by a dry run, in one sentence."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from dry_runs import dry_run
from tiny import write_pictures

from shallowsight.data.enough import LEAST_PICTURES
from shallowsight.data.record_kinds import kinds_of_test
from shallowsight.errors import ConfigurationError
from shallowsight.study.data import Data


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Sixteen training pictures, and four of the test with questions of the kinds colour and sure."""
    records = write_pictures(tmp_path / "images", 20)
    write(tmp_path / "train.json", records[:16])
    write(tmp_path / "test.json", records[16:])
    return tmp_path


def write(file: Path, records: list[dict[str, Any]]) -> None:
    file.write_text(json.dumps(records), encoding="utf-8")


def read(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))


def of(files: Path, *more: str, benchmarks: str = "own:colour") -> str:
    named = (f"data.finetune={files}/train.json", f"data.test={files}/test.json", f"data.images={files}/images")
    return dry_run(*named, "data.pretrain=", f"benchmarks={benchmarks}", *more)


def test_what_is_enough(files: Path) -> None:
    assert of(files) == ""
    assert of(files, benchmarks="own own:sure") == ""


def test_too_few_training_pictures(files: Path) -> None:
    records = read(files / "train.json")
    write(files / "train.json", [*records[:15], {**records[0], "id": "again"}])
    says = "the analysis needs at least 16 training pictures, the data has 15; add records with pictures to "
    assert of(files) == f"{says}data.finetune"
    assert of(files, "data.pretrain=scenes-captions") == "", "those of pretraining count too"
    assert dry_run("data.scenes_train=10", "data.easy_vqa_train=3", "data.pretrain=").startswith(
        "the analysis needs at least 16 training pictures, the data has 13"
    )


def test_the_analysis_takes_as_many() -> None:
    from shallowsight.model.encode import BATCH

    assert BATCH == LEAST_PICTURES


def test_a_benchmark_without_questions(files: Path) -> None:
    assert of(files, benchmarks="own own:size") == (
        "benchmark 'own:size' asks questions of kind 'size', the test data has colour (4), sure (4); change benchmarks "
        "or data.test (a record's `tasks` names the kind of each of its questions)"
    )
    write(files / "test.json", [{k: v for k, v in r.items() if k != "tasks"} for r in read(files / "test.json")])
    assert "asks questions of kind 'colour', the test data has own (8); change" in of(files)
    assert of(files, benchmarks="own") == ""


def test_questions_of_converted_forms_count(files: Path) -> None:
    talk = [{"role": "user", "content": "Which colour?"}, {"role": "assistant", "content": "red"}]
    write(files / "test.json", [{"id": f"{n}", "messages": talk} for n in range(3)])
    data = Data(test=(f"{files}/test.json",), images=str(files / "images"))
    assert kinds_of_test(data) == Counter(own=3)
    assert kinds_of_test(data.model_copy(update={"refuse_conversions": ("messages",)})) == Counter()
    assert of(files, benchmarks="own") == ""


def test_the_demos_benchmarks_need_the_demos_questions(files: Path) -> None:
    assert "'easy_vqa', the test data has colour (4), sure (4); change" in of(files, benchmarks="easy_vqa")
    assert "'ocr', the test data has easy_vqa (10)" in dry_run("data.test=easy-vqa", "benchmarks=easy_vqa scenes_ocr")
    assert "the test data has no questions" in dry_run("data.scenes_test=0", "data.test=scenes", "benchmarks=own")


def test_prepared_data_is_refused_in_the_same_words(prepared: Any) -> None:
    from shallowsight.data.prepare import require_questions

    with pytest.raises(
        ConfigurationError, match=r"^benchmark 'own:size' .* the test data has colour \(4\), sure \(4\);"
    ):
        require_questions(["own:size"], prepared.folder)


@pytest.mark.parametrize(
    "record",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"conversations": "hello", "tasks": ["a"]}, id="text"),
        pytest.param({"conversations": [{}, {}], "tasks": 5}, id="a number"),
        pytest.param({"conversations": [{}, {}], "tasks": [5, None]}, id="no texts"),
    ],
)
def test_what_cannot_be_read_counts_nothing(files: Path, record: dict[str, Any]) -> None:
    write(files / "test.json", [record])
    assert kinds_of_test(Data(test=(f"{files}/test.json",), images=str(files / "images"))) == Counter()


def test_kinds_of_what_comes_with_it(tmp_path: Path) -> None:
    from shallowsight.data.gate.records import read_records
    from shallowsight.data.questions import questions_of
    from shallowsight.data.sources import collect_sources

    data = Data(scenes_train=2, scenes_test=3, easy_vqa_train=1, easy_vqa_test=2, test=("scenes", "easy-vqa"))
    sources = collect_sources(data, tmp_path, lambda *_: None)["test"]
    records = [record for source in sources for _, record in read_records(source.file)]
    found = Counter(question["kind"] for question in questions_of(records, in_context=False))
    told = kinds_of_test(data)
    assert {**found, "easy_vqa": 0} == {**told, "easy_vqa": 0} and found.keys() == told.keys()


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("SHALLOWSIGHT_SAVE_SECONDS", "never", "^SHALLOWSIGHT_SAVE_SECONDS='never': write the seconds between two"),
        ("SHALLOWSIGHT_SAVE_SECONDS", "0", "^SHALLOWSIGHT_SAVE_SECONDS='0': "),
        (
            "SHALLOWSIGHT_ANSWERING_PROCESSES",
            "many",
            "^SHALLOWSIGHT_ANSWERING_PROCESSES='many': write how many processes",
        ),
        ("SHALLOWSIGHT_STATES", "somewhere", "^SHALLOWSIGHT_STATES: store 'somewhere'"),
        ("SHALLOWSIGHT_STATES", "file://x", "^SHALLOWSIGHT_STATES: store 'file://x': write file:///absolute/folder"),
    ],
)
def test_variables_of_the_environment(monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str) -> None:
    import re

    monkeypatch.setenv(name, value)
    assert re.match(says, said := dry_run()), said


def test_states_elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SHALLOWSIGHT_STATES", (tmp_path / "states").as_uri())
    monkeypatch.setenv("SHALLOWSIGHT_SAVE_SECONDS", "60")
    assert dry_run() == ""
    assert list(tmp_path.iterdir()) == []
