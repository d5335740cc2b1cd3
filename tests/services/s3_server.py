"""A real S3 store of one process, SeaweedFS, on free ports of this machine."""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from ports import free_port

from shallowsight.errors import ConfigurationError, StoreUnavailable
from shallowsight.store.objects.opening import open_objects

BUCKET = "shallowsight"
KEYS = {"AWS_ACCESS_KEY_ID": "testadmin", "AWS_SECRET_ACCESS_KEY": "testsecret12345"}
PART = 8 << 20  # bytes; a larger object is sent and brought in parts of so many
_PARTS = ("s3", "master", "volume", "filer", "admin")
_PR_SET_PDEATHSIG = 1  # Linux: the signal that a process gets when its parent dies


@dataclass(frozen=True)
class Server:
    """An S3 server that runs."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def environment(self, url: str = "") -> dict[str, str]:
        """For a client that goes there, or by way of `url`."""
        return {**KEYS, "AWS_ENDPOINT_URL": url or self.url}


def weed() -> str | None:
    """The binary; beside the interpreter where the environment is not activated."""
    return shutil.which("weed") or shutil.which("weed", path=str(Path(sys.executable).parent))


@contextmanager
def running(binary: str) -> Iterator[Server]:
    """Until the block ends."""
    with tempfile.TemporaryDirectory(prefix="weed-") as folder:
        for attempt in ("1", "2", "3"):  # somebody else may take a free port first
            process, ports = _start(binary, Path(folder) / attempt)
            try:
                if _ready(process, ports[0]):
                    yield Server(ports[0])
                    return
            finally:
                _stop(process, ports)
        log = (Path(folder) / "3" / "log").read_text(errors="replace")
    raise RuntimeError(f"weed did not start:\n{log[-3000:]}")


def _start(weed: str, folder: Path) -> tuple["subprocess.Popen[bytes]", list[int]]:
    folder.mkdir()
    ports = [free_port() for _ in range(2 * len(_PARTS))]
    options = {
        "dir": str(folder),
        "ip": "127.0.0.1",
        "ip.bind": "127.0.0.1",
        "master.telemetry": "false",
        "master.electionTimeout": "1s",
        "webdav": "false",
        "admin.ui": "false",
        "s3.port.iceberg": "0",
        "s3.port.lance": "0",
        "bucket": BUCKET,
    }
    for name, port, second in zip(_PARTS, ports[::2], ports[1::2], strict=True):
        options |= {f"{name}.port": str(port), f"{name}.port.grpc": str(second)}
    command = [weed, "-logtostderr=true", "mini", *(f"-{name}={value}" for name, value in options.items())]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,  # it writes its options and keys there
            env={"PATH": os.environ.get("PATH", ""), "HOME": str(folder), **KEYS},
            stdout=log,
            stderr=log,
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,
        )
    return process, ports


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _ready(process: "subprocess.Popen[bytes]", port: int) -> bool:
    """The bucket appears after S3 answers, and the first put may fail after that."""
    until = time.monotonic() + 30
    with pytest.MonkeyPatch.context() as environment:
        for name, value in Server(port).environment().items():
            environment.setenv(name, value)
        while process.poll() is None and time.monotonic() < until:
            try:
                store = open_objects(f"s3://{BUCKET}/ready", patience=0)
                store.put_bytes("probe", b"yes")
                return store.get_bytes("probe") == b"yes"
            except (StoreUnavailable, ConfigurationError):
                time.sleep(0.1)
    return False


def _stop(process: "subprocess.Popen[bytes]", ports: list[int]) -> None:
    process.kill()  # its data ends with it, and a polite end takes it 2 to 15 s
    process.wait()
    for port in ports:
        for socket_file in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
            with suppress(FileNotFoundError):
                socket_file.unlink()
