"""easy-VQA as LLaVA records: the package's pictures and answers, unchanged."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shallowsight.data.built_in import easy_vqa
from shallowsight.data.built_in.easy_vqa import MOST_QUESTIONS, export_easy_vqa
from shallowsight.errors import ConfigurationError, MissingPackage
from shallowsight.store.wheels import locate

TRAIN, TEST = 40, 15


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("easy_vqa")
    export_easy_vqa(out, TRAIN, TEST)
    return out


def _records(out: Path, split: str) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = json.loads((out / f"{split}.json").read_text())
    return records


@pytest.mark.parametrize(("split", "count"), [("train", TRAIN), ("test", TEST)])
def test_records_hold_the_packages_truth(exported: Path, split: str, count: int) -> None:
    package = locate(easy_vqa.WHEEL, f"data/{split}")
    truth = {tuple(row) for row in json.loads((package / "questions.json").read_text())}
    records = _records(exported, split)
    assert len(records) == count == len(list((exported / "images" / split).iterdir()))
    for record in records:
        number = int(record["id"].removeprefix(f"easy-vqa-{split}-"))
        assert record["image"] == f"{split}/{number}.png"
        assert (exported / "images" / record["image"]).read_bytes() == (package / f"images/{number}.png").read_bytes()
        turns = record["conversations"]
        assert [turn["from"] for turn in turns] == ["human", "gpt"] * len(record["tasks"])
        assert 1 <= len(record["tasks"]) <= MOST_QUESTIONS and set(record["tasks"]) == {"easy_vqa"}
        texts = [turn["value"] for turn in turns]
        assert texts[0].startswith("<image>\n") and sum("<image>" in text for text in texts) == 1
        texts[0] = texts[0].removeprefix("<image>\n")
        asked = [(*pair, number) for pair in zip(texts[::2], texts[1::2], strict=True)]
        assert len(set(asked)) == len(asked) and set(asked) <= truth


def test_a_smaller_choice_is_contained_in_a_larger(exported: Path, tmp_path: Path) -> None:
    export_easy_vqa(tmp_path, 8, 3)
    for split, count in (("train", 8), ("test", 3)):
        few, many = _records(tmp_path, split), _records(exported, split)
        assert len(few) == count and [record for record in many if record in few] == few


@pytest.mark.parametrize(("train", "test"), [(4001, 1), (1, 1001), (-1, 1)])
def test_refuses_more_than_there_is(tmp_path: Path, train: int, test: int) -> None:
    with pytest.raises(ConfigurationError, match=r"cannot export .* it has (4000|1000)"):
        export_easy_vqa(tmp_path, train, test)
    assert not list(tmp_path.iterdir())


def test_names_a_missing_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(easy_vqa, "WHEEL", replace(easy_vqa.WHEEL, package="absent_easy_vqa"))
    with pytest.raises(MissingPackage, match=r"easy-vqa.*shallowsight\[demo\]"):
        export_easy_vqa(tmp_path, 1, 1)
