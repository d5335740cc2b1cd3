"""What the tests of tracking share: a server for weave, and an environment that leads there and nowhere else."""

import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from weave_stub import WeaveStub

from shallowsight.observe.tracking.settings import PROJECT, SAMPLES

KEY = "0123456789abcdef" * 2 + "01234567"  # of the length that weave expects
NAMED = "team/probe"
needs_weave = pytest.mark.skipif(importlib.util.find_spec("weave") is None, reason="needs the package weave")

# Imported by every Python process at its start: notes the machines that it looks up.
_SPY = """import socket
_look_up = socket.getaddrinfo
def look_up(host, *more, **named):
    with open({path!r}, "a") as noted:
        noted.write(f"{{host}}\\n")
    return _look_up(host, *more, **named)
socket.getaddrinfo = look_up
"""


@contextmanager
def server_for_weave(folder: Path, samples: int = 0) -> Iterator[tuple[WeaveStub, pytest.MonkeyPatch]]:
    """Until the block ends the environment names a server and a key; `folder` becomes the home of weave."""
    with WeaveStub() as server, pytest.MonkeyPatch.context() as environment:
        for name in ("WANDB_IDENTITY_TOKEN_FILE", "WEAVE_DISABLED", "WANDB_ENTITY"):
            environment.delenv(name, raising=False)
        (folder / "sitecustomize.py").write_text(_SPY.format(path=str(folder / "looked-up")))
        environment.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
        environment.setenv("HOME", str(folder))
        environment.setenv("WANDB_API_KEY", KEY)
        environment.setenv("WANDB_BASE_URL", server.url)
        environment.setenv("WF_TRACE_SERVER_URL", server.url)
        environment.setenv(PROJECT, NAMED)
        environment.setenv(SAMPLES, str(samples))
        yield server, environment


def looked_up(folder: Path) -> set[str]:
    """The machines that processes started in the block have looked up."""
    return set((folder / "looked-up").read_text().split())
