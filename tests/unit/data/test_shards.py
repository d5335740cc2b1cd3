"""Shards give back what was put in, are the same bytes each time, and are plain tar files."""

import io
import json
import multiprocessing
import tarfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from shallowsight.data import shards as module
from shallowsight.data.shards import INDEX, PLACES, Shards, write_shards


def picture(seed: int, kind: str = "PNG", mode: str = "RGB") -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    Image.fromarray(pixels).convert(mode).save(out := io.BytesIO(), kind)
    return out.getvalue()


IMAGES = {
    "files/a.png": picture(1),
    "files/b.jpg": picture(2, "JPEG"),
    "files/sub/c.png": picture(3, mode="L"),
    "files/" + "long" * 60 + ".png": picture(4),
    "files/b\u00e4r-\u732b.png": picture(5, mode="RGBA"),
    "files/d e.png": picture(6, mode="P"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    assert write_shards(IMAGES.items(), tmp_path) == len(IMAGES)
    return tmp_path


@pytest.mark.parametrize("key", IMAGES, ids=range(len(IMAGES)))
def test_reads_back(folder: Path, key: str) -> None:
    found = Shards(folder).image(key)
    expected = Image.open(io.BytesIO(IMAGES[key])).convert("RGB")
    assert found.mode == "RGB" and np.array_equal(np.asarray(found), np.asarray(expected))


def test_bytes_are_where_the_index_says(folder: Path) -> None:
    shards = Shards(folder)
    assert list(shards.keys()) == list(IMAGES) and len(shards) == len(IMAGES)
    lines = [json.loads(line) for line in (folder / INDEX).read_text(encoding="utf-8").splitlines()]
    places = np.load(folder / PLACES)
    assert [line["key"] for line in lines] == list(IMAGES) and len(places) == len(IMAGES)
    for line, place in zip(lines, places, strict=True):
        start, size = line["start"], line["size"]
        assert (folder / line["shard"]).read_bytes()[start : start + size] == IMAGES[line["key"]]
        assert (place["shard"], place["start"], place["size"]) == (0, start, size), "the two indices differ"


def test_tarfile_reads_it(folder: Path) -> None:
    with tarfile.open(folder / "images-00000.tar") as tar:
        members = tar.getmembers()
        assert [m.name for m in members] == list(IMAGES)
        for member in members:
            opened = tar.extractfile(member)
            assert opened is not None and opened.read() == IMAGES[member.name]
            assert (member.mtime, member.uid, member.gid, member.uname, member.gname) == (0, 0, 0, "", "")


def test_byte_stable(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 4e9)
    (again := tmp_path / "again").mkdir()
    write_shards(iter(IMAGES.items()), again)
    for name in ("images-00000.tar", INDEX, PLACES):
        assert (again / name).read_bytes() == (folder / name).read_bytes()
    assert {path.name for path in again.iterdir()} == {"images-00000.tar", "images.jsonl", "images.npy"}


def reading(shards: Shards, keys: list[str], together: Any, found: Any) -> None:
    expected = {key: Image.open(io.BytesIO(IMAGES[key])).convert("RGB").tobytes() for key in keys}
    together.wait(20)
    found.put(all(shards.image(key).tobytes() == expected[key] for key in keys * 100))


def test_forked_processes_read_at_once(folder: Path) -> None:
    """They share the open file, and so the place in it that a plain read would go on from."""
    shards, context = Shards(folder), multiprocessing.get_context("fork")
    shards.image(next(iter(IMAGES)))  # opens it
    together, found = context.Barrier(2), context.Queue()
    orders = (list(IMAGES), [*IMAGES][::-1])
    readers = [context.Process(target=reading, args=(shards, keys, together, found)) for keys in orders]
    for reader in readers:
        reader.start()
    assert [found.get(timeout=20) for _ in readers] == [True, True]
    for reader in readers:
        reader.join(20)
    assert [file.tell() for file in shards._open.values()] == [0], "whatever their timing"


def test_names_are_not_held(folder: Path) -> None:
    """600,000 of them would be a gigabyte in each process."""
    held = [value for name, value in vars(Shards(folder)).items() if name != "folder"]
    assert not any(isinstance(value, list | str | set) or (isinstance(value, dict) and value) for value in held)


def test_several_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SHARD_BYTES", 300)
    write_shards(IMAGES.items(), tmp_path)
    names = sorted(path.name for path in tmp_path.glob("*.tar"))
    assert names[:2] == ["images-00000.tar", "images-00001.tar"] and len(names) >= 3
    shards = Shards(tmp_path)
    for key in reversed(IMAGES):
        assert np.array_equal(
            np.asarray(shards.image(key)), np.asarray(Image.open(io.BytesIO(IMAGES[key])).convert("RGB"))
        )
    found = []
    for name in names:
        with tarfile.open(tmp_path / name) as tar:
            found += tar.getnames()
    assert found == list(IMAGES)


def test_a_key_may_come_once(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="image 'a' is given twice"):
        write_shards([("a", b"1"), ("b", b"2"), ("a", b"1")], tmp_path)
    assert not (tmp_path / INDEX).exists() and not (tmp_path / PLACES).exists(), "half a data set looks whole"


def test_an_unknown_key(folder: Path) -> None:
    with pytest.raises(KeyError, match=r"gone\.png"):
        Shards(folder).image("gone.png")


def test_no_images_at_all(tmp_path: Path) -> None:
    assert write_shards([], tmp_path) == 0
    assert len(Shards(tmp_path)) == 0 and not list(tmp_path.glob("*.tar"))
