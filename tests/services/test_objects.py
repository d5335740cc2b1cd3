"""One promise, two stores: every test runs against a folder and against a real S3 server."""

import errno
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from s3_server import BUCKET, Server

from shallowsight.errors import ConfigurationError, CorruptOutput, MissingPackage
from shallowsight.store.objects import folder as files
from shallowsight.store.objects.keys import ASIDE
from shallowsight.store.objects.objects import Objects
from shallowsight.store.objects.opening import open_objects

PART = 8 << 20
ODD_KEYS = ["a b+c%20\u00fc&<>\"'.txt", "w/..hid", "w/a=b;c,d", "w/#?x", "w/ edges ", ".dot/\u3000x", "n" * 255]


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """Three parts, the last one short; no two parts alike."""
    path = tmp_path / "large.bin"
    with path.open("wb") as out:
        for letter in b"ab":
            out.write(bytes([letter]) * PART)
        out.write(b"tail")
    return path


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


def test_absent(objects: Objects, tmp_path: Path) -> None:
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


def test_conditions(objects: Objects) -> None:
    first = objects.create("lock", b"1")
    assert first is not None
    assert objects.create("lock", b"2") is None
    assert objects.version("lock") == (b"1", first)
    second = objects.replace("lock", b"2", first)
    assert second not in (None, first)
    assert objects.replace("lock", b"3", first) is None
    assert objects.get_bytes("lock") == b"2"
    objects.put_bytes("lock", b"4")
    assert objects.replace("lock", b"5", str(second)) is None
    objects.delete("lock")
    assert objects.replace("lock", b"6", str(second)) is None
    assert objects.create("lock", b"7") is not None


RACE = """
import sys
from shallowsight.store.objects.opening import open_objects
url, name, version = sys.argv[1:]
objects = open_objects(url)
print("ready", flush=True)
sys.stdin.readline()
for number in range(10):
    made = objects.create(f"race/{number}", name.encode())
    print("won" if made else "lost")
taken = objects.replace("shared", name.encode(), version)
print("won" if taken else "lost")
"""


@pytest.mark.slow
def test_of_racing_processes_one_wins(
    objects: Objects, url: str, python: Callable[..., "subprocess.Popen[str]"]
) -> None:
    version = objects.create("shared", b"start")
    assert version is not None
    racers = [python(RACE, url, f"racer {number}", version) for number in range(4)]
    for racer in racers:
        assert racer.stdout and racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin
        racer.stdin.write("go\n")
        racer.stdin.flush()
    results = [racer.communicate(timeout=60)[0].split() for racer in racers]
    assert [[result[n] for result in results].count("won") for n in range(11)] == [1] * 11
    for n in range(10):
        winner = next(i for i, result in enumerate(results) if result[n] == "won")
        assert objects.get_bytes(f"race/{n}") == f"racer {winner}".encode()


def test_readers_never_see_half(objects: Objects) -> None:
    """While writers replace it, an object is always one of the wholes."""
    wholes = {bytes([letter]) * 300_000 for letter in b"abc"}
    objects.put_bytes("key", b"a" * 300_000)
    stop = threading.Event()

    def write(data: bytes) -> None:
        while not stop.is_set():
            objects.put_bytes("key", data)

    with ThreadPoolExecutor(3) as pool:
        for data in wholes:
            pool.submit(write, data)
        try:
            seen = [objects.get_bytes("key") in wholes for _ in range(40)]
        finally:
            stop.set()
    assert all(seen)


@pytest.fixture
def small_disk() -> Iterator[None]:
    """No file of this process may grow beyond a megabyte: the write fails half way, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_download_that_does_not_fit_leaves_nothing(s3: Server, large: Path, tmp_path: Path, small_disk: None) -> None:
    objects = open_objects(f"s3://{BUCKET}/{tmp_path.name}")
    objects.put_file("key", large)
    with pytest.raises(OSError, match="File too large"):
        objects.fetch("key", local(tmp_path))
    assert list(local(tmp_path).parent.iterdir()) == []


# What only a folder can do.


def test_a_copy_that_does_not_fit_leaves_nothing(large: Path, tmp_path: Path, small_disk: None) -> None:
    objects = open_objects((tmp_path / "store").as_uri())
    objects.put_bytes("key", b"old")
    with pytest.raises(OSError, match="File too large"):
        objects.put_file("key", large)
    assert objects.get_bytes("key") == b"old"
    assert [p.name for p in (tmp_path / "store" / ASIDE).iterdir()] == ["lock"]


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    objects = open_objects((tmp_path / "store").as_uri())
    objects.put_bytes("key", b"old")

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files.os, "fsync", full)
    for write in (lambda: objects.put_bytes("key", b"new"), lambda: objects.create("other", b"new")):
        with pytest.raises(OSError) as failed:
            write()
        assert failed.value.errno == errno.ENOSPC
    assert objects.get_bytes("key") == b"old"
    assert objects.keys() == ["key"]
    assert [p.name for p in (tmp_path / "store" / ASIDE).iterdir()] == ["lock"]


def test_what_a_killed_writer_left_is_swept(tmp_path: Path) -> None:
    aside = tmp_path / ASIDE
    aside.mkdir()
    old, young = aside / "old.part", aside / "young.part"
    for left in (old, young):
        left.write_bytes(b"torn")
    os.utime(old, (1, 1))
    objects = open_objects(tmp_path.as_uri())
    assert (old.exists(), young.exists()) == (False, True)
    assert objects.keys() == []
    with pytest.raises(ConfigurationError, match="reserved for unfinished files"):
        objects.put_bytes(f"{ASIDE}/x", b"")


def test_fetch_from_a_folder_copies_nothing(tmp_path: Path) -> None:
    objects = open_objects(tmp_path.as_uri())
    objects.put_bytes("a/b", b"x")
    assert objects.fetch("a/b", tmp_path / "elsewhere") == tmp_path / "a" / "b"
    assert not (tmp_path / "elsewhere").exists()


# Which URLs there are.


@pytest.mark.parametrize(
    ("url", "says"),
    [
        pytest.param("http://host/x", "file:///absolute/folder or s3://bucket/prefix", id="scheme"),
        pytest.param("runs/demo", "file:///absolute/folder or s3://bucket/prefix", id="path"),
        pytest.param("file://relative/path", "file:///absolute/folder", id="relative"),
        pytest.param("s3:///prefix", "s3://bucket or s3://bucket/prefix", id="no bucket"),
        pytest.param("s3://bucket/a?x=1", "no part after", id="query"),
    ],
)
def test_urls_that_are_refused(url: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        open_objects(url)


def test_a_file_is_no_store(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    with pytest.raises(ConfigurationError, match="is a file"):
        open_objects(path.as_uri())


def test_opening_a_folder_makes_nothing(tmp_path: Path) -> None:
    objects = open_objects((tmp_path / "a folder").as_uri())
    assert objects.keys() == []
    assert objects.get_bytes("x") is None
    assert list(tmp_path.iterdir()) == []


def test_objects_load_no_client() -> None:
    code = (
        "import sys, shallowsight.store.lease, shallowsight.store.objects.s3.objects\n"
        "print([m for m in ('minio', 'urllib3', 'tenacity', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_missing_client_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "minio", None)
    with pytest.raises(MissingPackage, match=r"shallowsight\[store\]"):
        open_objects("s3://bucket")
