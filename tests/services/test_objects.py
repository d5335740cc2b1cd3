"""One promise, two stores: every test runs against a folder and against a real S3 server."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from s3_server import PART

from shallowsight.errors import ConfigurationError, CorruptOutput
from shallowsight.store.objects.objects import Objects
from shallowsight.store.objects.opening import open_objects

ODD_KEYS = ["a b+c%20\u00fc&<>\"'.txt", "w/..hid", "w/a=b;c,d", "w/#?x", "w/ edges ", ".dot/\u3000x", "n" * 255]


def local(tmp_path: Path) -> Path:
    return tmp_path / "fetched" / "here"


@pytest.mark.parametrize("data", [b"", b"x", bytes(range(256)) * 100], ids=["empty", "byte", "binary"])
def test_bytes_come_back(objects: Objects, data: bytes, tmp_path: Path) -> None:
    objects.put_bytes("cells/1/scores.json", b"old and longer " * 9000)
    objects.put_bytes("cells/1/scores.json", data)
    assert objects.get_bytes("cells/1/scores.json") == data
    assert objects.fetch("cells/1/scores.json", local(tmp_path)).read_bytes() == data


@pytest.mark.parametrize("key", ODD_KEYS)
def test_odd_keys(objects: Objects, key: str) -> None:
    objects.put_bytes(key, key.encode())
    assert objects.get_bytes(key) == key.encode()
    assert objects.keys() == [key]
    objects.delete(key)
    assert objects.keys() == []


def test_large_file(objects: Objects, large: Path, tmp_path: Path) -> None:
    objects.put_file("model/weights.bin", large)
    before = large.read_bytes()
    assert objects.fetch("model/weights.bin", local(tmp_path)).read_bytes() == before
    assert objects.get_bytes("model/weights.bin") == before
    objects.put_bytes("model/again.bin", before)
    assert objects.get_bytes("model/again.bin") == before


def test_exactly_two_parts(objects: Objects, tmp_path: Path) -> None:
    path = tmp_path / "even"
    path.write_bytes(b"e" * 2 * PART)
    objects.put_file("even", path)
    assert objects.fetch("even", local(tmp_path)).read_bytes() == path.read_bytes()


def test_the_source_stays_apart(objects: Objects, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"first")
    objects.put_file("key", source)
    with source.open("r+b") as opened:
        opened.write(b"SECOND")
    assert objects.get_bytes("key") == b"first"


def test_objects_that_are_not_there(objects: Objects, tmp_path: Path) -> None:
    objects.put_bytes("folder/file", b"x")
    for key in ("nothing", "folder", "folder/none"):
        assert objects.get_bytes(key) is None
        assert objects.version(key) is None
        with pytest.raises(CorruptOutput, match="is missing"):
            objects.fetch(key, local(tmp_path))
        objects.delete(key)
    assert objects.keys() == ["folder/file"]
    assert not local(tmp_path).parent.exists() or list(local(tmp_path).parent.iterdir()) == []


def test_keys_begin_with_the_prefix(objects: Objects) -> None:
    for key in ("cells/ab/1", "cells/abc/1", "cells/b", "cell", "report/x"):
        objects.put_bytes(key, b"")
    assert objects.keys() == ["cell", "cells/ab/1", "cells/abc/1", "cells/b", "report/x"]
    assert objects.keys("cells/ab") == ["cells/ab/1", "cells/abc/1"]
    assert objects.keys("cells/ab/") == ["cells/ab/1"]
    assert objects.keys("cells/") == ["cells/ab/1", "cells/abc/1", "cells/b"]
    assert objects.keys("none/") == objects.keys("cell/") == []
    objects.delete("report/x")
    assert objects.keys("r") == []


def test_stores_below_one_another(url: str) -> None:
    outer, inner = open_objects(url), open_objects(f"{url}/inner/")
    assert inner.url == f"{outer.url}/inner"
    inner.put_bytes("key", b"x")
    assert outer.keys() == ["inner/key"]
    assert inner.keys() == ["key"]


@pytest.mark.slow
def test_more_keys_than_one_page(objects: Objects) -> None:
    names = [f"many/{number:04}" for number in range(1050)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: objects.put_bytes(name, b"x"), names))
    assert objects.keys("many/") == names


@pytest.mark.parametrize(
    "key",
    ["", "/abs", "a//b", "a/", "..", "a/../b", "./a", "a\0b", "a\nb", "a\\b", "\ud800", "k" * 256, "s/" * 500 + "s"],
)
def test_keys_that_are_refused(objects: Objects, key: str) -> None:
    for use in (objects.get_bytes, objects.delete, objects.version, lambda k: objects.put_bytes(k, b"")):
        with pytest.raises(ConfigurationError, match="object key"):
            use(key)


@pytest.mark.parametrize("prefix", ["/", "../", "a//", "a/./"])
def test_prefixes_that_are_refused(objects: Objects, prefix: str) -> None:
    with pytest.raises(ConfigurationError, match="object key"):
        objects.keys(prefix)


def test_fetch_from_a_folder_copies_nothing(tmp_path: Path) -> None:
    objects = open_objects(tmp_path.as_uri())
    objects.put_bytes("a/b", b"x")
    assert objects.fetch("a/b", tmp_path / "elsewhere") == tmp_path / "a" / "b"
    assert not (tmp_path / "elsewhere").exists()
