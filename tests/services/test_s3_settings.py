"""Settings, buckets and endpoints that cannot be used are refused in one line that shows no secret."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from s3_server import BUCKET, Server

from shallowsight.errors import ConfigurationError
from shallowsight.store.objects.opening import open_objects


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
