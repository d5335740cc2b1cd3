"""Texts that are longer than the language model's length are refused, or named, before anything is trained."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shallowsight.data.lengths import require_lengths
from shallowsight.data.records import read_jsonl, write_jsonl
from shallowsight.data.shortened import SHORTENED, Shortened, require_few
from shallowsight.errors import DataRefused
from shallowsight.study.experiment import Experiment

IMAGE_TOKENS = 4
LONG = "why? " * 200


@pytest.fixture
def folder(prepared: Any, tmp_path: Path) -> Path:
    """Prepared data, of which some files may be written anew."""
    for path in prepared.folder.iterdir():
        (tmp_path / path.name).symlink_to(path)
    return tmp_path


def rewrite(file: Path, change: Callable[[int, dict[str, Any]], None]) -> None:
    rows = list(read_jsonl(file))
    for number, row in enumerate(rows):
        change(number, row)
    file.unlink()
    write_jsonl(rows, file)


def lengthen(*places: int, turn: int) -> Callable[[int, dict[str, Any]], None]:
    def change(number: int, row: dict[str, Any]) -> None:
        if number in places:
            row["conversations"][turn]["value"] += LONG

    return change


def test_data_that_fits(folder: Path, small: Callable[..., Experiment]) -> None:
    require_lengths(small(data__max_bad_share=0.0), IMAGE_TOKENS, folder)


@pytest.mark.parametrize("stage", ["pretrain", "finetune"])
@pytest.mark.parametrize(
    ("turn", "fate"),
    [
        pytest.param(0, r"2 of 11 left out \(no answer within 96 tokens\): 'r1', 'r4'", id="left out"),
        pytest.param(1, "2 of 11 cut at 96 tokens: 'r1', 'r4'", id="cut"),
    ],
)
def test_too_many_long_records_are_refused(
    folder: Path, small: Callable[..., Experiment], stage: str, turn: int, fate: str
) -> None:
    rewrite(folder / f"{stage}.jsonl", lengthen(1, 5, turn=turn))
    asking = {f"{stage}__template": "short"}
    message = rf"{stage} records: {fate}\. .*a share of 0\.182, allowed is 0\.1; .*\(at least 0\.182 here\)"
    with pytest.raises(DataRefused, match=message):
        require_lengths(small(data__max_bad_share=0.1, **asking), IMAGE_TOKENS, folder)
    require_lengths(small(data__max_bad_share=0.182, **asking), IMAGE_TOKENS, folder)
    require_lengths(small(**{f"{stage}__updates": 0}, **asking), IMAGE_TOKENS, folder)


def test_a_few_are_said(folder: Path, small: Callable[..., Experiment], caplog: pytest.LogCaptureFixture) -> None:
    rewrite(folder / "finetune.jsonl", lengthen(1, turn=0))
    require_lengths(small(data__max_bad_share=0.1), IMAGE_TOKENS, folder)
    assert "finetune records: 1 of 11 left out (no answer within 96 tokens): 'r1'" in caplog.text


def test_the_picture_counts(folder: Path, small: Callable[..., Experiment]) -> None:
    with pytest.raises(DataRefused, match=r"finetune records: 10 of 11 left out"):
        require_lengths(small(data__max_bad_share=0.1, pretrain__updates=0), 90, folder)


@pytest.mark.parametrize("key", ["question", "answer", "shallowsight_earlier_turns"])
def test_too_many_long_questions_are_refused(folder: Path, small: Callable[..., Experiment], key: str) -> None:
    def change(number: int, row: dict[str, Any]) -> None:
        if number == 2:
            row[key] = [["Which?", LONG]] if isinstance(row[key], list) else LONG

    rewrite(folder / "questions.jsonl", change)
    with pytest.raises(DataRefused, match=r"test questions: 1 of 8 left out \(no answer within 96 tokens\): 'r11#0'"):
        require_lengths(small(data__max_bad_share=0.1), IMAGE_TOKENS, folder)


def test_only_questions_that_are_asked_count(folder: Path, small: Callable[..., Experiment]) -> None:
    def change(number: int, row: dict[str, Any]) -> None:
        if row["kind"] == "sure":
            row["question"] = LONG

    rewrite(folder / "questions.jsonl", change)
    require_lengths(small(data__max_bad_share=0.0, benchmarks=("own:colour",)), IMAGE_TOKENS, folder)
    with pytest.raises(DataRefused, match=r"benchmark 'own:sure': none of its questions fits language\.max_length=96"):
        require_lengths(small(data__max_bad_share=0.5, benchmarks=("own", "own:sure")), IMAGE_TOKENS, folder)


def test_many_ids_are_counted() -> None:
    found = Shortened(9, records=10, longest=12, cut=[f"r{n}" for n in range(8)], left_out=["odd\nid"])
    assert str(found) == (
        "1 of 10 left out (no answer within 9 tokens): 'odd\\nid'; "
        "8 of 10 cut at 9 tokens: 'r0', 'r1', 'r2', 'r3', 'r4' and 3 more"
    )
    assert str(Shortened(9, records=3)) == "all 3 whole"


def test_no_records_at_all() -> None:
    require_few("records", Shortened(9), 0.0)


def test_it_comes_back_from_its_file(tmp_path: Path) -> None:
    found = Shortened(9, records=3, longest=12, cut=["\u00e9"], left_out=["b"])
    found.write(tmp_path / SHORTENED)
    assert Shortened.read(tmp_path / SHORTENED) == found
