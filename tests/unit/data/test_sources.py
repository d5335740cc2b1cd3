"""Where records come from, and that equal digests mean equal content."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shallowsight.config import Data
from shallowsight.data.sources import Source, collect_sources, require_files, source_facts
from shallowsight.errors import ConfigurationError


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    (folder / "images").mkdir(parents=True)
    for name in ("a.png", "b.png"):
        (folder / "images" / name).write_bytes(name.encode())
    rows = [{"id": i, "image": name} for i, name in enumerate(["a.png", "b.png", "a.png", "gone.png"])]
    (folder / "train.json").write_text(json.dumps([*rows, {"id": "no image"}, {"image": 5}]), encoding="utf-8")
    return folder


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


def test_require_files(files: Path) -> None:
    train = str(files / "train.json")
    require_files(Data(finetune=(train, "scenes"), test=(train,), images=str(files / "images")))
    with pytest.raises(
        ConfigurationError, match=r"no data source 'scnes'; allowed are scenes, scenes-captions, easy-vqa"
    ):
        require_files(Data(finetune=("scnes",), images=str(files)))
    with pytest.raises(ConfigurationError, match=r"data\.images: no folder '/gone'; name the folder"):
        require_files(Data(images="/gone"))


def test_collect_own_files(files: Path, tmp_path: Path) -> None:
    train = str(files / "train.json")
    data = Data(pretrain=(), finetune=(train,), test=(train,), images=str(files / "images"))
    source = Source("files", files / "train.json", files / "images")
    found = collect_sources(data, tmp_path / "work", lambda *_: None)
    assert found == {"pretrain": [source], "finetune": [source], "test": [source]}
    assert not (tmp_path / "work").exists(), "nothing to compose"


def test_collect_embedded_sets(tmp_path: Path) -> None:
    data = Data(finetune=("easy-vqa",), test=("easy-vqa",), pretrain=(), easy_vqa_train=3, easy_vqa_test=2)
    found = collect_sources(data, tmp_path, lambda *_: None)
    for use, rows in (("pretrain", 3), ("finetune", 3), ("test", 2)):
        (source,) = found[use]
        records = json.loads(source.file.read_text(encoding="utf-8"))
        assert source.group == "easy-vqa" and len(records) == rows
        assert all((source.images / r["image"]).is_file() for r in records)
