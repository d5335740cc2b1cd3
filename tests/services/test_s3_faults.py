"""Bad days of an S3 server, over real sockets: what passes is waited for, and what does not is said."""

import logging
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from uuid import uuid4

import pytest
from faulty_proxy import FaultyProxy
from s3_server import BUCKET, Server

from shallowsight.errors import ConfigurationError, StoreUnavailable
from shallowsight.store.objects import patience
from shallowsight.store.objects.keys import ASIDE
from shallowsight.store.objects.objects import Objects
from shallowsight.store.objects.opening import open_objects
from shallowsight.store.objects.s3 import objects as s3_objects
from shallowsight.store.objects.s3.endpoint import Endpoint
from shallowsight.store.objects.s3.objects import open_bucket

PART = 8 << 20
PASSING = ["SlowDown 503", "InternalError 500", "html 502", "TooManyRequests 429", "drop", "lost", "half"]


@pytest.fixture
def objects(proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch) -> Objects:
    """Small timeout and pauses, so that the tests need little patience of their own."""
    monkeypatch.setattr(patience, "_FIRST_PAUSE", 0.01)
    return open_bucket(Endpoint.from_environment(), BUCKET, uuid4().hex, patience=20, timeout=1)


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "large.bin"
    path.write_bytes(b"a" * PART + b"b" * PART + b"tail")
    return path


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


def test_a_lost_yes_is_no_no(objects: Objects, proxy: FaultyProxy) -> None:
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


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("AWS_ACCESS_KEY_ID", "nobody", "the server does not know the key in AWS_ACCESS_KEY_ID"),
        ("AWS_SECRET_ACCESS_KEY", "guessed-secret", "AWS_SECRET_ACCESS_KEY does not belong to AWS_ACCESS_KEY_ID"),
        ("AWS_ACCESS_KEY_ID", "", "needs AWS_ACCESS_KEY_ID in the environment"),
        ("AWS_SECRET_ACCESS_KEY", "", "needs AWS_SECRET_ACCESS_KEY in the environment"),
        ("AWS_ENDPOINT_URL", "", "needs AWS_ENDPOINT_URL in the environment"),
        ("AWS_ENDPOINT_URL", "127.0.0.1:9000", "write https://host"),
        ("AWS_ENDPOINT_URL", "http://host:port", "write https://host"),
        ("AWS_ENDPOINT_URL", "http://host:70000", "write https://host"),
        ("AWS_ENDPOINT_URL", "http://host/bucket", "without user name, path or bucket"),
        ("AWS_ENDPOINT_URL", "http://me:hunter2@host", "without user name, path or bucket"),
        ("AWS_ENDPOINT_URL", "ftp://host", "write https://host"),
        ("AWS_REGION", "no region!", "invalid region"),
    ],
)
def test_wrong_settings_are_said(s3: Server, monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=says) as refused:
        open_objects(f"s3://{BUCKET}/x")
    assert refused.value.exit_status == 2
    for secret in ("guessed-secret", "testsecret12345", "hunter2"):
        assert secret not in str(refused.value)


@pytest.mark.parametrize("bucket", ["nosuchbucket", "Not_A_Bucket!", "x"])
def test_an_unknown_bucket(s3: Server, bucket: str) -> None:
    with pytest.raises(ConfigurationError, match=r"no such bucket|invalid bucket name") as refused:
        open_objects(f"s3://{bucket}/x")
    assert bucket in str(refused.value) and s3.url in str(refused.value)


def test_https_where_there_is_none(s3: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.url.replace("http://", "https://"))
    with pytest.raises(ConfigurationError, match="no trusted connection"):
        open_objects(f"s3://{BUCKET}")


@pytest.fixture
def console() -> Iterator[str]:
    """A web page at whatever path, as of a console that listens beside the API."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><p>Log in<br>")

        def log_message(self, format: str, *values: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("region", ["", "us-east-1"])
def test_a_console_is_no_api(s3: Server, monkeypatch: pytest.MonkeyPatch, console: str, region: str) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", console)
    monkeypatch.setenv("AWS_REGION", region)
    with pytest.raises(ConfigurationError, match="this is no S3 API"):
        open_objects(f"s3://{BUCKET}")


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
