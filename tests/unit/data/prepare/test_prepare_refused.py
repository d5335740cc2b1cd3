"""Bad rows are put aside, and too many of them, leaks and questions that nobody asks are refused."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from spoiling import Run, spoil

from shallowsight.data.prepare import require_questions
from shallowsight.data.records import read_jsonl
from shallowsight.data.shards import Shards
from shallowsight.errors import ConfigurationError, DataRefused


def test_bad_rows_are_put_aside(run: Run, files: Path, tmp_path: Path) -> None:
    spoil(files / "train.json", lambda rows: rows[0].update(image="gone.png"))
    out = run(data__max_bad_share=0.1)
    assert next(read_jsonl(out / "finetune.jsonl"))["id"] == "r1"
    assert json.loads((out / "data.json").read_text(encoding="utf-8"))["quarantined"] == 1
    (quarantined,) = read_jsonl(out / "validation" / "files" / "quarantine.jsonl")
    assert quarantined["reasons"] == ["image_missing"] and "files/0.png" not in set(Shards(out).keys())


def test_too_many_bad_rows_are_refused_and_kept(run: Run, files: Path, tmp_path: Path) -> None:
    spoil(files / "train.json", lambda rows: [row.update(image="gone.png") for row in rows[:2]])
    with pytest.raises(DataRefused, match="image_missing"):
        run(data__max_bad_share=0.1)
    assert len(list(read_jsonl(tmp_path / "verdicts" / "files" / "quarantine.jsonl"))) == 2
    assert not (tmp_path / "out" / "data.json").exists()


@pytest.mark.parametrize("use", ["train", "test"])
def test_a_file_without_rows_is_refused(run: Run, files: Path, use: str) -> None:
    (files / f"{use}.json").write_text("[]")
    with pytest.raises(DataRefused, match=rf"no row in {files}/{use}.json; add records"):
        run()


def test_leaked_pictures_are_refused(run: Run, files: Path) -> None:
    Image.open(files / "images" / "3.png").save(files / "images" / "10.bmp")
    spoil(files / "test.json", lambda rows: rows[0].update(image="10.bmp"))
    with pytest.raises(DataRefused) as refused:
        run()
    assert str(refused.value) == (
        "1 training picture is also in the test set, 0 are allowed; for instance 3.png of training and 10.bmp of the "
        "test. Take them out of one of the two, or raise data.max_leaked_images"
    )
    assert json.loads((run(data__max_leaked_images=1) / "data.json").read_text(encoding="utf-8"))["images"] == 14


def test_a_leak_through_pretraining_counts(run: Run, files: Path) -> None:
    spoil(files / "train.json", lambda rows: rows[0].update(image="10.png"))
    shutil.copy(files / "train.json", files / "captions.json")
    spoil(files / "train.json", lambda rows: rows[0].update(image="0.png"))
    with pytest.raises(DataRefused, match="1 training picture is also in the test set"):
        run(data__pretrain=[str(files / "captions.json")])


@pytest.mark.parametrize(
    ("benchmark", "found"),
    [
        pytest.param("own:count", "of kind 'count', the test data has colour (4), sure (4); change", id="own kind"),
        pytest.param("scenes_ocr", "of kind 'ocr', the test data has colour (4), sure (4); change", id="another set's"),
    ],
)
def test_a_benchmark_without_questions_is_refused(prepared: Any, benchmark: str, found: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        require_questions(["own", benchmark], prepared.folder)
    assert f"benchmark {benchmark!r} asks questions {found}" in str(refused.value)


def test_benchmarks_with_questions_pass(prepared: Any) -> None:
    require_questions(["own", "own:colour", "own:sure"], prepared.folder)


def test_unreadable_files_are_refused(run: Run, files: Path) -> None:
    (files / "train.json").write_text("{", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"data file .*train\.json"):
        run()


def test_wrong_tasks_are_refused(run: Run, files: Path) -> None:
    spoil(files / "test.json", lambda rows: rows[1].update(tasks=["colour"]))
    with pytest.raises(DataRefused, match=r"record 'r11': `tasks` is \['colour'\]"):
        run()
