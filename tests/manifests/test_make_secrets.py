"""The script that makes the Secrets, with a kubectl that knows no cluster but is a real one otherwise."""

import base64
import os
import subprocess
from pathlib import Path

import pytest
import yaml
from overlays import MANIFESTS, kubectl
from reference_rules import SECRETS

MAKE = MANIFESTS / "make-secrets"
KUBECTL = """#!/bin/sh
echo "kubectl $*" >> "$FOLDER/calls"
case "$*" in
  "get secret $THERE "*) echo "secret/$THERE" ;;
  "get secret"*) [ -z "$DOWN" ] ;;
  "create secret"*) "$REAL" "$@" --dry-run=client --output yaml > "$FOLDER/$4" ;;
esac
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "kubectl").write_text(KUBECTL)
    (tmp_path / "bin" / "kubectl").chmod(0o755)
    return tmp_path


def run(folder: Path, there: str = "none", down: str = "") -> "subprocess.CompletedProcess[str]":
    path = f"{folder / 'bin'}:{os.environ['PATH']}"
    environment = {"PATH": path, "REAL": kubectl(), "FOLDER": str(folder), "THERE": there, "DOWN": down}
    return subprocess.run([str(MAKE), "ns"], env=environment, capture_output=True, text=True, timeout=60)


def content(file: Path) -> dict[str, str]:
    secret = yaml.safe_load(file.read_text())
    assert secret["metadata"]["namespace"] == "ns"
    return {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}


def test_secrets_are_what_the_pods_ask_for(folder: Path) -> None:
    done = run(folder)
    assert done.returncode == 0, done.stderr
    for name, keys in SECRETS.items():
        assert set(content(folder / name)) == keys
    assert content(folder / "shallowsight-store")["AWS_ENDPOINT_URL"] == "http://minio.ns.svc:9000"


def test_keys_are_random_long_and_on_no_command_line(folder: Path) -> None:
    run(folder)
    first = content(folder / "minio-root") | content(folder / "shallowsight-store")
    done = run(folder)
    second = content(folder / "minio-root") | content(folder / "shallowsight-store")
    seen = (folder / "calls").read_text() + done.stdout + done.stderr
    for name in ("MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        assert first[name] != second[name]
        assert second[name] not in seen
    for name in ("MINIO_ROOT_PASSWORD", "AWS_SECRET_ACCESS_KEY"):
        assert len(first[name]) == 40  # 160 bits


def test_a_secret_that_is_there_is_left_alone(folder: Path) -> None:
    done = run(folder, there="minio-root")
    assert "secret minio-root exists in ns: left as it is" in done.stdout
    assert not (folder / "minio-root").exists()
    assert (folder / "shallowsight-store").exists()


def test_nothing_is_made_where_nobody_answers(folder: Path) -> None:
    assert run(folder, down="yes").returncode != 0
    assert not (folder / "minio-root").exists()


def test_an_option_is_no_namespace() -> None:
    done = subprocess.run([str(MAKE), "--help"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (2, "usage: make-secrets [NAMESPACE]\n")
