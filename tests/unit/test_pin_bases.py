"""`make pin-images`, with a registry's client that answers what the test wants."""

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PIN = Path(__file__).parents[2] / "images" / "pin.py"
DOCKERFILE = "ARG BASE_PYTHON=docker.io/library/python:3.11\nARG OTHER=1\nFROM ${BASE_PYTHON}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the script beside two Dockerfiles."""
    (tmp_path / "images").mkdir()
    for name in ("one", "two"):
        (tmp_path / "images" / name).mkdir()
        (tmp_path / "images" / name / "Dockerfile").write_text(DOCKERFILE)
    (tmp_path / "images" / "pin.py").write_text(PIN.read_text())
    (tmp_path / "bin").mkdir()
    return tmp_path


def client(folder: Path, name: str, script: str) -> None:
    path = folder / "bin" / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def pin(folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, str(folder / "images" / "pin.py")],
        env=os.environ | {"PATH": str(folder / "bin")},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("tool", ["skopeo", "docker"])
def test_writes_the_digest_of_what_the_registry_keeps(folder: Path, tool: str) -> None:
    client(folder, tool, 'printf "manifest asked by %s" "$*"')
    asked = {
        "skopeo": "manifest asked by inspect --raw docker://docker.io/library/python:3.11",
        "docker": "manifest asked by buildx imagetools inspect --raw docker.io/library/python:3.11",
    }[tool]
    digest = hashlib.sha256(asked.encode()).hexdigest()
    done = pin(folder)
    assert (done.returncode, done.stdout) == (0, f"docker.io/library/python:3.11@sha256:{digest}\n"), done.stderr
    pinned = DOCKERFILE.replace("python:3.11\n", f"python:3.11@sha256:{digest}\n")
    assert [(folder / "images" / name / "Dockerfile").read_text() for name in ("one", "two")] == [pinned] * 2


def test_a_pinned_base_moves_on(folder: Path) -> None:
    client(folder, "skopeo", "printf old")
    assert pin(folder).returncode == 0
    client(folder, "skopeo", "printf new")
    assert pin(folder).returncode == 0
    text = (folder / "images" / "one" / "Dockerfile").read_text()
    assert re.findall(r"sha256:(\w+)", text) == [hashlib.sha256(b"new").hexdigest()]


@pytest.mark.parametrize("script", ["echo unauthorized >&2; exit 1", "exit 0"])
def test_a_registry_that_does_not_answer_changes_nothing(folder: Path, script: str) -> None:
    client(folder, "skopeo", script)
    done = pin(folder)
    assert done.returncode == 1
    assert done.stderr.startswith("docker.io/library/python:3.11: skopeo got no manifest")
    assert ("unauthorized" in done.stderr) == ("unauthorized" in script)
    assert (folder / "images" / "one" / "Dockerfile").read_text() == DOCKERFILE


def test_says_what_it_needs(folder: Path) -> None:
    done = pin(folder)
    assert (done.returncode, done.stderr) == (1, "skopeo or docker is needed to ask a registry, and neither is here\n")
