"""Where records come from: files of one's own and their folders, sets that are made here, and what is refused."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from shallowsight.data.own_files import require_files
from shallowsight.data.sources import Source, collect_sources, source_facts
from shallowsight.errors import ConfigurationError
from shallowsight.study.data import Data


def test_require_files(files: Path) -> None:
    train = str(files / "train.json")
    require_files(Data(finetune=(train, "scenes"), test=(train,), images=str(files / "images")))
    with pytest.raises(
        ConfigurationError,
        match=r"no data source 'scnes': there is no such file; allowed are scenes, scenes-captions, easy-vqa",
    ):
        require_files(Data(finetune=("scnes",), images=str(files)))
    with pytest.raises(ConfigurationError, match=r"data\.images: no folder '/gone'; name the folder"):
        require_files(Data(images="/gone"))
    require_files(Data(pretrain_images=str(files / "images")))
    with pytest.raises(ConfigurationError, match=r"data\.pretrain_images: no folder '/gone'; name the folder"):
        require_files(Data(pretrain_images="/gone"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param(None, r"data\.expectations: no file '.*rules\.yaml'", id="no file"),
        pytest.param("a: 1", r"data\.expectations: .*rules\.yaml:1: a: there is no such key", id="no rules"),
        pytest.param(
            "expectations:\n- {type: expect_column_values_to_be_between, kwargs: {column: chars}}",
            r"rules\.yaml:2: .*cannot both be None",
            id="no bounds",
        ),
    ],
)
def test_require_rules(files: Path, tmp_path: Path, text: str | None, says: str) -> None:
    rules = tmp_path / "rules.yaml"
    if text is not None:
        rules.write_text(text)
    own = (str(files / "train.json"),)
    with pytest.raises(ConfigurationError, match=says):
        require_files(Data(finetune=own, test=own, images=str(files / "images"), expectations=str(rules)))


def test_rules_without_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"data\.expectations is for your own files"):
        require_files(Data(expectations=str(tmp_path / "rules.yaml")))


def test_collect_own_files(files: Path, tmp_path: Path) -> None:
    train = str(files / "train.json")
    data = Data(pretrain=(), finetune=(train,), test=(train,), images=str(files / "images"))
    source = Source(train, "files", files / "train.json", files / "images")
    found = collect_sources(data, tmp_path / "work", lambda *_: None)
    assert found == {"pretrain": [source], "finetune": [source], "test": [source]}
    assert not (tmp_path / "work").exists(), "nothing to compose"


@pytest.fixture
def captions(files: Path) -> Path:
    """A file for pretraining alone; in its folder the same names are of other pictures."""
    shutil.copytree(files / "images", files / "other")
    (files / "other" / "a.png").write_bytes(b"another a")
    return Path(shutil.copy(files / "train.json", files / "captions.json"))


def two_folders(files: Path, **changes: Any) -> Data:
    train = (str(files / "train.json"),)
    own = {"images": str(files / "images"), "pretrain_images": str(files / "other")}
    return Data(**{"pretrain": (str(files / "captions.json"),), "finetune": train, "test": train} | own | changes)


@pytest.mark.usefixtures("captions")
def test_a_file_of_pretraining_has_its_own_folder(files: Path, tmp_path: Path) -> None:
    found = collect_sources(two_folders(files), tmp_path / "work", lambda *_: None)
    train, captions = files / "train.json", files / "captions.json"
    assert found["pretrain"] == [Source(str(captions), "pretrain-files", captions, files / "other")]
    assert found["finetune"] == found["test"] == [Source(str(train), "files", train, files / "images")]


@pytest.mark.parametrize(
    ("changes", "folders"),
    [
        pytest.param({"pretrain_images": None}, ["images"], id="left out"),
        # One file is read from one folder, or its digest and its keys would be of two.
        pytest.param({"pretrain": ("captions.json", "train.json")}, ["other", "images"], id="one file for both"),
        pytest.param({"pretrain": ("train.json",)}, ["images"], id="the same file"),
        pytest.param({"pretrain": ()}, ["images"], id="no file of its own"),
    ],
)
@pytest.mark.usefixtures("captions")
def test_which_folder_a_file_of_pretraining_has(
    files: Path, tmp_path: Path, changes: dict[str, Any], folders: list[str]
) -> None:
    if changes.get("pretrain"):
        changes = {"pretrain": tuple(str(files / name) for name in changes["pretrain"])}
    found = collect_sources(two_folders(files, **changes), tmp_path / "work", lambda *_: None)
    assert [source.images for source in found["pretrain"]] == [files / folder for folder in folders]
    groups = {"images": "files", "other": "pretrain-files"}
    assert [source.group for source in found["pretrain"]] == [groups[folder] for folder in folders]


def test_the_digest_is_over_the_pictures_of_the_files_own_folder(files: Path, captions: Path) -> None:
    def now() -> tuple[str, str]:
        data = two_folders(files)
        return source_facts(str(captions), data).digest, source_facts(str(files / "train.json"), data).digest

    (files / "other" / "a.png").write_bytes(b"a.png")
    captioned, trained = now()
    assert captioned == trained, "equal files and pictures"
    (files / "other" / "b.png").write_bytes(b"changed")
    assert now() != (captioned, trained) and now()[1] == trained
    (files / "other" / "b.png").write_bytes(b"b.png")
    (files / "images" / "b.png").write_bytes(b"changed")
    assert now()[0] == captioned and now()[1] != trained


def test_collect_embedded_sets(tmp_path: Path) -> None:
    data = Data(finetune=("easy-vqa",), test=("easy-vqa",), pretrain=(), easy_vqa_train=3, easy_vqa_test=2)
    found = collect_sources(data, tmp_path, lambda *_: None)
    for use, rows in (("pretrain", 3), ("finetune", 3), ("test", 2)):
        (source,) = found[use]
        records = json.loads(source.file.read_text(encoding="utf-8"))
        assert source.group == "easy-vqa" and len(records) == rows
        assert all((source.images / r["image"]).is_file() for r in records)


BUCKET = "s3://bucket/data"
IN_BUCKET: dict[str, Any] = {
    "pretrain": (), "finetune": (f"{BUCKET}/a.json",), "test": (f"{BUCKET}/b.json",), "images": f"{BUCKET}/images",
}  # fmt: skip
REFUSED_MIXTURES = [
    pytest.param({"images": "/mnt/images"}, "a.json and its pictures in /mnt/images: the file would come", id="files"),
    pytest.param(
        {"test": ("/mnt/b.json",)}, "/mnt/b.json and its pictures in s3://.*: its pictures would", id="images"
    ),
    pytest.param(
        {"pretrain": (f"{BUCKET}/c.json",), "pretrain_images": "/mnt/c"},
        "c.json and its pictures in /mnt/c",
        id="other",
    ),
]


@pytest.mark.parametrize(("change", "says"), REFUSED_MIXTURES)
def test_a_file_and_its_pictures_are_in_one_kind_of_place(change: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=f"{says}.*; put both in a bucket, or both in a folder"):
        Data(**IN_BUCKET | change)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({}, id="a bucket"),
        pytest.param({"finetune": ("scenes", f"{BUCKET}/a.json")}, id="with an embedded set"),
        pytest.param({"pretrain": ("/mnt/c.json",), "pretrain_images": "/mnt/c"}, id="pretraining from a folder"),
        pytest.param({"finetune": ("scenes",), "test": ("scenes",), "images": "/mnt/x"}, id="no file of one's own"),
    ],
)
def test_places_that_go_together(change: dict[str, Any]) -> None:
    Data(**IN_BUCKET | change)
