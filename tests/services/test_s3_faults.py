"""Bad days of an S3 server, over real sockets: what passes is waited for, and what does not is said."""

import logging
import os
import re
import socket
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from faulty_proxy import FaultyProxy
from s3_server import BUCKET, Server

from shallowsight.errors import ConfigurationError, StoreUnavailable
from shallowsight.store.objects import patience
from shallowsight.store.objects.objects import Objects
from shallowsight.store.objects.opening import open_objects
from shallowsight.store.objects.s3 import objects as s3_objects
from shallowsight.store.objects.s3.endpoint import Endpoint
from shallowsight.store.objects.s3.objects import open_bucket

PASSING = ["SlowDown 503", "InternalError 500", "html 502", "TooManyRequests 429", "drop", "lost", "half"]


@pytest.fixture
def objects(proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch) -> Objects:
    """Small timeout and pauses, so that the tests need little patience of their own."""
    monkeypatch.setattr(patience, "_FIRST_PAUSE", 0.01)
    return open_bucket(Endpoint.from_environment(), BUCKET, uuid4().hex, patience=20, timeout=1)


@pytest.mark.parametrize("fault", [*PASSING, pytest.param("silent", marks=pytest.mark.slow)])
def test_every_request_outlives_three_faults(
    objects: Objects, proxy: FaultyProxy, fault: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    proxy.seconds = 1.2
    objects.put_bytes("old", b"content")

    def through(work: Callable[[], object]) -> object:
        proxy.first(3, fault)
        return work()

    with caplog.at_level(logging.WARNING, logger="shallowsight"):
        through(lambda: objects.put_bytes("key", b"content"))
    assert objects.get_bytes("key") == b"content"
    assert "trying again" in caplog.text
    assert through(lambda: objects.get_bytes("key")) == b"content"
    assert through(objects.keys) == ["key", "old"]
    through(lambda: objects.delete("old"))
    made = through(lambda: objects.create("new", b"1"))
    assert isinstance(made, str)
    assert isinstance(through(lambda: objects.replace("new", b"2", made)), str)
    assert through(lambda: objects.fetch("new", tmp_path / "new")) == tmp_path / "new"
    assert (tmp_path / "new").read_bytes() == b"2"
    assert objects.keys() == ["key", "new"]


@pytest.mark.parametrize("fault", ["SlowDown 503", "drop", "lost"])
@pytest.mark.parametrize(
    ("method", "part"),
    [("POST", "uploads"), ("PUT", "partNumber=2"), ("POST", "uploadId")],
    ids=["begin", "part", "join"],
)
def test_only_what_failed_of_a_large_file_is_sent_again(
    objects: Objects, proxy: FaultyProxy, large: Path, tmp_path: Path, fault: str, method: str, part: str
) -> None:
    proxy.first(2, fault, method, part)
    objects.put_file("large", large)
    assert proxy.count("PUT", "partNumber=1") == 1
    assert objects.fetch("large", tmp_path / "back").read_bytes() == large.read_bytes()


def test_only_what_failed_of_a_large_file_is_read_again(
    objects: Objects, proxy: FaultyProxy, large: Path, tmp_path: Path
) -> None:
    objects.put_file("large", large)
    before = len(proxy.requests)
    proxy.first(1, "half", "GET", "large")
    assert objects.fetch("large", tmp_path / "back").read_bytes() == large.read_bytes()
    assert [method for method, _ in proxy.requests[before:]] == ["HEAD"] + ["GET"] * 4


@pytest.mark.parametrize("code", ["NoSuchUpload 404", "InternalError 200"])
def test_parts_that_were_not_joined(objects: Objects, proxy: FaultyProxy, large: Path, code: str) -> None:
    """S3 may forget an upload, and may answer 200 with an error in the body."""
    proxy.first(1, code, "POST", "uploadId")
    objects.put_file("large", large)
    assert objects.get_bytes("large") == large.read_bytes()


@pytest.mark.slow
def test_an_object_that_changes_while_it_is_read(
    objects: Objects, proxy: FaultyProxy, large: Path, tmp_path: Path
) -> None:
    objects.put_file("large", large)
    name = f"{objects.url.rpartition('/')[2]}/large"
    changed = bytes(reversed(large.read_bytes()))

    def change(method: str, path: str) -> None:
        if proxy.count("GET", "large") == 2:
            proxy.rule = lambda method, path: None
            time.sleep(0.3)  # the first part is being read
            behind(proxy).put_bytes(name, changed)

    proxy.rule = change
    assert objects.fetch("large", tmp_path / "back").read_bytes() == changed
    assert proxy.count("HEAD", "large") == 2


def behind(proxy: FaultyProxy) -> Objects:
    endpoint = Endpoint.from_environment({**os.environ, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{proxy.port}"})
    return open_bucket(endpoint, BUCKET, "", patience=5)


def test_a_conditional_write_whose_answer_is_lost_counts_once(objects: Objects, proxy: FaultyProxy) -> None:
    """The object is ours although the second try hears that there is one; or it is not."""
    proxy.first(1, "lost", "PUT")
    version = objects.create("key", b"ours")
    assert version and objects.version("key") == (b"ours", version)
    proxy.first(1, "drop", "PUT")
    assert objects.create("key", b"also") is None
    proxy.first(1, "lost", "PUT")
    assert objects.replace("key", b"next", version) == objects.version("key")[1]  # type: ignore[index]
    proxy.first(1, "drop", "PUT")
    assert objects.replace("key", b"late", version) is None
    objects.delete("key")
    proxy.first(1, "drop", "PUT")
    assert objects.replace("key", b"late", version) is None


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["SlowDown 503", "drop", pytest.param("silent", marks=pytest.mark.slow)])
@pytest.mark.parametrize("large_one", [False, True], ids=["small", "large"])
def test_a_server_that_stays_away(proxy: FaultyProxy, fault: str, large_one: bool, large: Path) -> None:
    objects = open_bucket(Endpoint.from_environment(), BUCKET, uuid4().hex, patience=0.8, timeout=0.5)
    proxy.seconds = 0.7
    proxy.rule = lambda method, path: fault
    began = time.monotonic()
    with pytest.raises(StoreUnavailable) as failed:
        objects.put_file("key", large) if large_one else objects.put_bytes("key", b"x")
    assert time.monotonic() - began < 3
    assert proxy.url in str(failed.value)
    assert re.search(r"write .*key.* failed|begin .*key.* failed", str(failed.value))
    assert re.search(r" [1-9]\d* tries in [01] s, last with: ", str(failed.value))
    assert failed.value.exit_status == 1
    proxy.rule = lambda method, path: None
    assert objects.keys() == []


def test_the_parts_share_one_patience(proxy: FaultyProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_objects, "_PART", 1000)
    objects = open_bucket(Endpoint.from_environment(), BUCKET, uuid4().hex, patience=0.5)
    proxy.rule = lambda method, path: "drop" if "partNumber" in path else None
    with pytest.raises(StoreUnavailable, match="write part 1 of"):
        objects.put_bytes("key", b"x" * 20_000)
    begun = {path.partition("partNumber=")[2].partition("&")[0] for method, path in proxy.requests if method == "PUT"}
    assert begun == {"1", "2", "3"}
    assert proxy.count("DELETE", "uploadId") == 1


def test_nobody_listens(s3: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    began = time.monotonic()
    with pytest.raises(StoreUnavailable, match=rf"http://127.0.0.1:{port} is not available: look into the bucket.*ref"):
        open_objects(f"s3://{BUCKET}", patience=1)
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    "code", ["AccessDenied 403", "PermanentRedirect 301", "InvalidArgument 400", "NotImplemented 501", "html 404"]
)
def test_a_refusal_is_not_asked_again(objects: Objects, proxy: FaultyProxy, code: str) -> None:
    proxy.rule = lambda method, path: code
    before = len(proxy.requests)
    with pytest.raises(ConfigurationError) as refused:
        objects.put_bytes("key", b"x")
    assert len(proxy.requests) == before + 1
    assert "write" in str(refused.value)
    assert ("<html>no</html>" if "html" in code else "says the proxy") in str(refused.value)
    assert proxy.url in str(refused.value)
