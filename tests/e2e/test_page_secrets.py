"""The commands of docs/cluster.md that carry the store's keys, run as they stand there against a stand-in cluster."""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from page_programs import kubectl
from pages import blocks, commands

STORE_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
# A cluster that has one Secret, and shows what would be made; of --from-env-file a real kubectl makes it.
KUBECTL = """#!/usr/bin/env python3
import json, os, re, sys
words = sys.argv[1:]
assert words[0] == "-n", words
secret = json.loads(os.environ["SECRET"])
if words[1:5] == ["shallowsight", "get", "secret", "shallowsight-store"] and words[5] == "-o":
    key = re.fullmatch(r"jsonpath={.data.(\\w+)}", words[6])
    print(secret["data"][key[1]] if key else json.dumps(secret), end="")
elif words[2:] == ["create", "-f", "-"]:
    made = json.load(sys.stdin)
    made["metadata"].setdefault("namespace", words[1])
    print(json.dumps(made))
elif words[2:4] == ["create", "secret"]:
    os.execv(os.environ["REAL"], ["kubectl", *words, "--dry-run=client", "--output=json"])
else:
    sys.exit(f"not expected: {words}")
"""
SECRET = {
    "apiVersion": "v1",
    "kind": "Secret",
    "type": "Opaque",
    "metadata": {"name": "shallowsight-store", "namespace": "shallowsight", "uid": "u", "resourceVersion": "7"},
    "data": {key: base64.b64encode(key.lower().encode()).decode() for key in STORE_KEYS},
}


def with_words(*words: str) -> list[str]:
    """The commands that hold them all, as they stand on the page."""
    return [command for command in [code.text for code in commands()] if all(word in command for word in words)]


def bash(script: str, folder: Path) -> str:
    """What it prints, with our kubectl before any other."""
    if shutil.which("bash") is None:
        pytest.skip("no bash here")
    (folder / "bin").mkdir()
    (folder / "bin" / "kubectl").write_text(KUBECTL)
    (folder / "bin" / "kubectl").chmod(0o755)
    path = f"{folder / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {"PATH": path, "SECRET": json.dumps(SECRET), "REAL": kubectl(), "HOME": str(folder)}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_keys_of_the_store_come_from_its_secret(tmp_path: Path) -> None:
    script = "\n".join(with_words("export AWS_", "$(kubectl")) + '\necho "$AWS_ACCESS_KEY_ID $AWS_SECRET_ACCESS_KEY"'
    assert bash(script, tmp_path) == "aws_access_key_id aws_secret_access_key\n"


def test_the_copy_of_the_secret_has_nothing_of_its_namespace(tmp_path: Path) -> None:
    if shutil.which("jq") is None:
        pytest.skip("no jq here")
    (pipe,) = with_words("jq")
    made = json.loads(bash(pipe, tmp_path))
    assert made["metadata"] == {"name": "shallowsight-store", "namespace": "kubeflow"}
    assert (made["type"], made["data"]) == ("Opaque", SECRET["data"])


def test_a_secret_from_a_file(tmp_path: Path) -> None:
    (block,) = [block for block in blocks("sh") if "--from-env-file" in block]
    pairs = re.findall(r"(AWS_\w+)=(\S+?)[,\n]", block)
    (tmp_path / "store.env").write_text("".join(f"{key}={value}\n" for key, value in pairs))
    made = json.loads(bash(block, tmp_path))
    assert sorted(made["data"]) == ["AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL", "AWS_SECRET_ACCESS_KEY"]
