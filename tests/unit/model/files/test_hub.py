"""A hub that is there, refuses, fails, keeps silent, or is away. Where it is, a process reads once."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

NAMES = """import sys
from shallowsight.model.files import hub
hub._SECONDS = 0.5
print(sorted(hub.hub_names(sys.argv[1], sys.argv[2]) or ["not known"]))
"""
COMMIT = "0123456789abcdef0123456789abcdef01234567"
CODE = """import sys
from shallowsight.model.files import hub
from shallowsight.errors import ConfigurationError
hub._SECONDS = 0.5
try:
    print(hub.hub_file(sys.argv[1], "config.json", sys.argv[2] or None))
except ConfigurationError as error:
    print(f"{type(error).__name__}: {error}")
"""


class _Hub(BaseHTTPRequestHandler):
    """Knows me/model; the other models are named for what is said of them."""

    asked: ClassVar[list[str]] = []

    def do_HEAD(self) -> None:
        self.asked.append(self.path)
        listing, parts = self.path.startswith("/api/models/"), self.path.removeprefix("/api/models").split("/")
        status = 200 if parts[1] == "me" else int(parts[2])
        files = b'{"id": "me/model", "siblings": [{"rfilename": "config.json"}, {"rfilename": "a.bin"}]}'
        body = b"" if status != 200 else files if listing else b'{"a": 1}'
        self.send_response(status)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Type", "application/json")
        self.send_header("ETag", '"e1"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def do_GET(self) -> None:
        self.do_HEAD()

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture
def hub() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Hub) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def away() -> str:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


def ask(endpoint: str, home: Path, model: str = "me/model", revision: str = "", code: str = CODE) -> str:
    """What it says; within 10 s, and nothing beside it, such as a client's retries."""
    own = {"HF_ENDPOINT": endpoint, "HF_HOME": str(home), "HF_HUB_DISABLE_PROGRESS_BARS": "1", "NO_PROXY": "127.0.0.1"}
    plain = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", code, model, revision], env=plain | own, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert time.monotonic() - began < 10
    return done.stdout.strip()


def test_once_seen_it_is_there_without_a_hub(hub: str, away: str, tmp_path: Path) -> None:
    found = Path(ask(hub, tmp_path))
    assert (found.read_text(), found.parent.name) == ('{"a": 1}', COMMIT)
    assert ask(away, tmp_path) == str(found)
    _Hub.asked.clear()
    assert ask(hub, tmp_path, revision=COMMIT) == str(found)
    assert _Hub.asked == [], "a commit never changes"


def test_a_hub_that_is_away(away: str, tmp_path: Path) -> None:
    assert ask(away, tmp_path) == (
        "ConfigurationError: the hub does not answer ([Errno 111] Connection refused), and there is no copy of "
        "'me/model' on this machine; check the network and HF_ENDPOINT, or give a folder"
    )


@pytest.mark.slow
def test_a_hub_that_keeps_silent(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        said = ask(f"http://127.0.0.1:{silent.getsockname()[1]}", tmp_path)
    assert said.startswith("ConfigurationError: the hub does not answer (timed out), and there is no copy")


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (401, "the hub does not show 'x/401' (401): check the name; if the model is not public, set HF_TOKEN"),
        (403, "the hub does not show 'x/403' (403)"),
        (404, "the hub has no config.json of 'x/404' (404): check the name"),
        (429, "the hub does not answer (it failed: "),
        (503, "the hub does not answer (it failed: "),
    ],
)
def test_a_hub_that_refuses_or_fails(hub: str, tmp_path: Path, status: int, says: str) -> None:
    assert ask(hub, tmp_path, f"x/{status}").startswith(f"ConfigurationError: {says}")


def test_a_revision_is_named(hub: str, tmp_path: Path) -> None:
    assert "of 'x/404' at 'main' (404)" in ask(hub, tmp_path, "x/404", "main")


def test_the_files_of_a_model(hub: str, away: str, tmp_path: Path) -> None:
    assert ask(hub, tmp_path, revision=COMMIT, code=NAMES) == "['a.bin', 'config.json']"
    for endpoint, model in ((away, "me/model"), (hub, "x/503"), (hub, "x/404")):
        assert ask(endpoint, tmp_path, model, COMMIT, NAMES) == "['not known']"


def test_a_model_that_is_here_is_not_asked_for(hub: str, tmp_path: Path) -> None:
    config = Path(ask(hub, tmp_path))
    _Hub.asked.clear()
    (config.parent / "model.safetensors").write_bytes(b"")
    assert ask(hub, tmp_path, revision=COMMIT, code=NAMES) == "['not known']"
    assert _Hub.asked == []


@pytest.mark.parametrize("revision", [None, COMMIT])
@pytest.mark.parametrize("model", ["open ai/clip", "openai/clip--336", "openai/clip.git", "openai/-clip"])
def test_a_name_that_no_model_has(model: str, revision: str | None) -> None:
    from shallowsight.errors import ConfigurationError
    from shallowsight.model.files.hub import hub_file

    with pytest.raises(ConfigurationError, match=f"^{model!r} cannot be the id of a model of the hub: [^\\n]+$"):
        hub_file(model, "config.json", revision)


def test_the_package_is_named_when_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    from shallowsight.errors import MissingPackage
    from shallowsight.model.files.hub import hub_file

    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingPackage, match=r"huggingface-hub.*shallowsight\[models\]"):
        hub_file("me/model", "config.json", None)
