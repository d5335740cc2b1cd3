"""A write that breaks off, on a full disk or by a kill, leaves what was there before, and no rest for long."""

import errno
import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from faulty_proxy import FaultyProxy
from s3_server import BUCKET, Server

from shallowsight.errors import ConfigurationError
from shallowsight.store.objects import folder as files
from shallowsight.store.objects.keys import ASIDE
from shallowsight.store.objects.opening import open_objects


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
    fetched = tmp_path / "fetched" / "here"
    with pytest.raises(OSError, match="File too large"):
        objects.fetch("key", fetched)
    assert list(fetched.parent.iterdir()) == []


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


PUT = """
import sys
from pathlib import Path
from shallowsight.store.objects.opening import open_objects
open_objects(sys.argv[1]).put_file("key", Path(sys.argv[2]))
"""


def kill_when(process: "subprocess.Popen[str]", reached: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not reached():
        assert process.poll() is None and time.monotonic() < until, process.communicate()
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait(10) == -signal.SIGKILL


@pytest.mark.slow
def test_killed_in_the_middle_of_an_upload(
    proxy: FaultyProxy, tmp_path: Path, python: Callable[..., "subprocess.Popen[str]"]
) -> None:
    url = f"s3://{BUCKET}/{uuid4().hex}"
    new = tmp_path / "new"
    new.write_bytes(b"n" * 30_000_000)
    objects = open_objects(url)
    objects.put_bytes("key", b"old")
    proxy.seconds = 0.5
    proxy.rule = lambda method, path: "slow" if "partNumber=4" in path else None
    process = python(PUT, url, str(new))
    kill_when(process, lambda: proxy.count("PUT", "partNumber=4") == 1)
    assert objects.get_bytes("key") == b"old"
    assert objects.keys() == ["key"]
    objects.put_file("key", new)
    assert objects.get_bytes("key") == new.read_bytes()


def test_killed_in_the_middle_of_a_copy(tmp_path: Path, python: Callable[..., "subprocess.Popen[str]"]) -> None:
    store = tmp_path / "store"
    objects = open_objects(store.as_uri())
    objects.put_bytes("key", b"old")
    source = tmp_path / "endless"
    os.mkfifo(source)
    process = python(PUT, store.as_uri(), str(source))
    with source.open("wb") as pipe:
        pipe.write(b"n" * 15_000_000)
        pipe.flush()
        kill_when(process, lambda: sum(p.stat().st_size for p in (store / ASIDE).glob("*.part")) > 10_000_000)
        with pytest.raises(BrokenPipeError):
            pipe.write(b"n" * 1_000_000)
            pipe.flush()
    assert objects.get_bytes("key") == b"old"
    assert objects.keys() == ["key"]
    (left,) = (store / ASIDE).glob("*.part")
    os.utime(left, (1, 1))
    assert open_objects(store.as_uri()).keys() == ["key"]
    assert not left.exists()
