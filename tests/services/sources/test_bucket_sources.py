"""A user's data in a bucket of a real S3 server: what is brought here, and what is made of it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from bucket_data import data_in, experiment_in, facts, prepared_from, resolved_in, rows
from faulty_proxy import FaultyProxy
from s3_server import BUCKET
from tiny import Prepared

from shallowsight.data.sources import collect_sources
from shallowsight.steps import prepare_data
from shallowsight.store.digest import file_sha256
from shallowsight.store.objects.objects import Objects
from shallowsight.store.opening import open_store
from shallowsight.store.store import Store
from shallowsight.study.data import Data
from shallowsight.study.experiment import Experiment


def outputs(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): file_sha256(p) for p in folder.rglob("*") if p.is_file()}


def test_the_same_outputs_as_from_a_folder(
    here: Objects, prepared: Prepared, small: Callable[..., Experiment], tmp_path: Path
) -> None:
    found = outputs(prepared_from(experiment_in(here.url, small), tmp_path))
    assert found == outputs(prepared.folder) and len(found) > 8


def test_what_the_files_name_is_brought_and_nothing_else(here: Objects, tmp_path: Path) -> None:
    here.put_bytes("images/not-named.png", b"x")
    seen: list[tuple[str, int, int]] = []
    found = collect_sources(data_in(here.url), tmp_path / "work", lambda *said: seen.append(said))
    (train,), (test,) = found["finetune"], found["test"]
    assert found["pretrain"] == [train] and train.images == test.images and train.group == test.group == "files"
    assert (train.file.name, test.file.name) == ("train.json", "test.json")
    assert {p.name for p in train.images.iterdir()} == {f"{n}.png" for n in range(14)}
    assert seen[-1] == ("bringing pictures", 14, 14) and len(seen) == 14


def test_a_file_of_pretraining_has_its_own_prefix(here: Objects, prepared: Prepared, tmp_path: Path) -> None:
    here.put_file("captions.json", prepared.files / "test.json")
    for number in range(10, 14):
        here.put_bytes(f"other/{number}.png", b"other")
    data = data_in(here.url).model_copy(
        update={"pretrain": (f"{here.url}/captions.json",), "pretrain_images": f"{here.url}/other"}
    )
    found = collect_sources(data, tmp_path / "work", lambda *_: None)
    (captions,), (test,) = found["pretrain"], found["test"]
    assert (captions.group, test.group) == ("pretrain-files", "files")
    assert {p.read_bytes() for p in captions.images.iterdir()} == {b"other"}
    assert (test.images / "10.png").read_bytes() != b"other"


def test_a_study_of_it_is_resolved_and_prepared(enough: Objects, prepared: Prepared, tmp_path: Path) -> None:
    folder = prepare_data(resolved_in(enough.url), Store(tmp_path / "study"))
    assert json.loads((folder / "data.json").read_text())["images"] == 20
    assert not list((tmp_path / "study" / "tmp").iterdir()), "what was brought is gone"


@pytest.mark.slow
def test_a_store_in_a_bucket_takes_it_too(enough: Objects, cache: Path) -> None:
    resolved = resolved_in(enough.url)
    folder = prepare_data(resolved, open_store(f"s3://{BUCKET}/{uuid4().hex}"))
    assert folder.is_relative_to(cache) and (folder / "images.jsonl").is_file()


ODD_NAMES = {
    "r0": "../outside.png",
    "r1": "/images/1.png",
    "r2": "gone.png",
    "r3": "https://example.org/3.png",
    "r4": "a\\b.png",
    "r5": "x/../5.png",
    "r6": "",
    "r7": "x" * 300,
}


@pytest.mark.slow
def test_names_that_leave_the_prefix_and_pictures_that_are_not_there(
    here: Objects, prepared: Prepared, small: Callable[..., Experiment], proxy: FaultyProxy, tmp_path: Path
) -> None:
    """The gate says of each what it says in a folder, and nothing outside the prefix is asked for."""
    here.put_bytes("outside.png", (prepared.files / "images" / "0.png").read_bytes())
    here.put_bytes("train.json", rows(prepared, **ODD_NAMES))
    local = Path(shutil.copytree(prepared.files, tmp_path / "local"))
    (local / "train.json").write_bytes(rows(prepared, **ODD_NAMES))
    shutil.copy(local / "images" / "0.png", local / "outside.png")

    def quarantine(data: Data, folder: str) -> list[tuple[str, list[str]]]:
        (tmp_path / folder).mkdir()
        experiment = small().model_copy(update={"data": data.model_copy(update={"max_bad_share": 1.0})})
        found = (prepared_from(experiment, tmp_path / folder) / "validation/files/quarantine.jsonl").read_text()
        return [(row["id"], row["reasons"]) for row in map(json.loads, found.splitlines())]

    in_a_folder = Data(
        pretrain=(), finetune=(f"{local}/train.json",), test=(f"{local}/test.json",), images=f"{local}/images"
    )
    found = quarantine(data_in(here.url), "bucket")
    assert found == quarantine(in_a_folder, "folder")
    assert [name for name, _ in found] == list(ODD_NAMES) and dict(found)["r0"] == ["image_escapes_folder"]
    for part in ("outside", "/5.png"):
        assert proxy.count("GET", part) == proxy.count("HEAD", part) == 0


@pytest.mark.parametrize("name", ["./3.png", ".//3.png", "./3.png/"])
def test_one_picture_by_another_name(here: Objects, prepared: Prepared, tmp_path: Path, name: str) -> None:
    """As in a folder."""
    here.put_bytes("train.json", rows(prepared, r3=name))
    (source,) = collect_sources(data_in(here.url), tmp_path / "work", lambda *_: None)["finetune"]
    assert (source.images / name).read_bytes() == (prepared.files / "images" / "3.png").read_bytes()
    assert facts(here.url).images == 10


@pytest.mark.slow
def test_large_pictures_come_in_parts(here: Objects, proxy: FaultyProxy, prepared: Prepared, tmp_path: Path) -> None:
    data = (prepared.files / "images" / "3.png").read_bytes() + bytes(9 << 20)
    here.put_bytes("images/3.png", data)
    (source,) = collect_sources(data_in(here.url), tmp_path / "work", lambda *_: None)["finetune"]
    assert (source.images / "3.png").read_bytes() == data
    assert (proxy.count("GET", "/3.png"), proxy.count("GET", "/4.png")) == (2, 1)
