"""What is known of a source, and that equal digests mean equal content."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shallowsight.data.sources import source_facts
from shallowsight.study.data import Data


def digest(folder: Path) -> str:
    return source_facts(str(folder / "train.json"), Data(images=str(folder / "images"))).digest


def test_facts_of_a_file(files: Path) -> None:
    facts = source_facts(str(files / "train.json"), Data(images=str(files / "images")))
    assert (facts.train_rows, facts.test_rows, facts.images) == (6, 6, 3)


def test_the_folder_does_not_count(files: Path, tmp_path: Path) -> None:
    copied = shutil.copytree(files, tmp_path / "elsewhere")
    assert digest(copied) == digest(files)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda f: (f / "images" / "b.png").write_bytes(b"other"), id="a picture's bytes"),
        pytest.param(lambda f: (f / "images" / "b.png").unlink(), id="a picture is gone"),
        pytest.param(lambda f: (f / "images" / "gone.png").write_bytes(b""), id="a missing picture comes"),
        pytest.param(lambda f: (f / "train.json").write_text("[]"), id="the records"),
        pytest.param(
            lambda f: (
                (f / "images" / "a.png").rename(f / "x")
                and (f / "images" / "b.png").rename(f / "images" / "a.png")
                and (f / "x").rename(f / "images" / "b.png")
            ),
            id="two pictures change places",
        ),
    ],
)
def test_content_counts(files: Path, change: Callable[[Path], Any]) -> None:
    before = digest(files)
    change(files)
    assert digest(files) != before


def test_pictures_count_in_whichever_form_they_are_named(files: Path) -> None:
    data = Data(images=str(files / "images"))

    def facts(rows: list[dict[str, Any]]) -> tuple[int, str]:
        (files / "train.json").write_text(json.dumps(rows), encoding="utf-8")
        found = source_facts(str(files / "train.json"), data)
        return found.images, found.digest

    part = [{"type": "image_url", "image_url": {"url": "b.png"}}]
    rows = [{"image": ["a.png"]}, {"messages": [{"role": "user", "content": part}]}, {"images": ["a.png"]}]
    images, before = facts(rows)
    assert images == 2
    (files / "images" / "b.png").write_bytes(b"other")
    assert facts(rows)[1] != before


def test_rules_of_ones_own_count(files: Path, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"

    def now(text: str | None) -> str:
        if text is not None:
            rules.write_text(text)
        named = None if text is None else str(rules)
        data = Data(images=str(files / "images"), expectations=named)
        return source_facts(str(files / "train.json"), data).digest

    assert len({now(None), now("thresholds: {}"), now("thresholds: {no_turns: 0.1}")}) == 3
    assert now("thresholds: {}") == now("thresholds: {}")


def test_a_picture_nobody_names_does_not_count(files: Path) -> None:
    before = digest(files)
    (files / "images" / "other.png").write_bytes(b"x")
    assert digest(files) == before


@pytest.mark.parametrize(
    ("name", "sizes", "facts"),
    [
        pytest.param("scenes", {"scenes_train": 5, "scenes_test": 3}, (5, 3, 8), id="scenes"),
        pytest.param("scenes-captions", {"scenes_train": 5, "scenes_test": 3}, (5, 3, 0), id="captions share pictures"),
        pytest.param("easy-vqa", {"easy_vqa_train": 5, "easy_vqa_test": 3}, (5, 3, 8), id="easy-vqa"),
    ],
)
def test_facts_of_embedded_sets(name: str, sizes: dict[str, int], facts: tuple[int, ...]) -> None:
    found = source_facts(name, Data(**sizes))
    assert (found.train_rows, found.test_rows, found.images) == facts
    for key in sizes:
        assert source_facts(name, Data(**sizes | {key: 9})).digest != found.digest


def test_embedded_sets_differ() -> None:
    assert len({source_facts(name, Data()).digest for name in ("scenes", "scenes-captions", "easy-vqa")}) == 3


def test_a_digest_of_a_folder_stays_what_it_was(files: Path) -> None:
    """Another one would have every study on files made again."""
    assert digest(files) == "1146bb6e95d693260f6ca926273762cc688bb6792b903708c04c4ca4da3dca1f"


def test_a_files_name_counts_where_it_comes_into_the_cell(files: Path) -> None:
    """In the ids that are made for rows without one, and where rules of one's own may ask for it."""
    records = json.loads((files / "train.json").read_text(encoding="utf-8"))

    def digests(**more: str) -> set[str]:
        named = Data(images=str(files / "images"), **more)
        return {source_facts(str(files / name), named).digest for name in ("a.json", "b.json")}

    for name in ("a.json", "b.json"):
        (files / name).write_text(json.dumps(records), encoding="utf-8")
    assert len(digests()) == 1
    (files / "rules.yaml").write_text("thresholds: {duplicate: 0.5}\n", encoding="utf-8")
    assert len(digests(expectations=str(files / "rules.yaml"))) == 2
    del records[0]["id"]
    for name in ("a.json", "b.json"):
        (files / name).write_text(json.dumps(records), encoding="utf-8")
    assert len(digests()) == 2
