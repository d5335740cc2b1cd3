"""The script that makes bucket, user and policy, with an mc that writes down what it is told."""

import os
import subprocess
from pathlib import Path

import pytest
from overlays import MANIFESTS, build, pod

SCRIPT = MANIFESTS / "base" / "storage" / "setup.sh"
KEYS = {
    "MINIO_ROOT_USER": "root-name",
    "MINIO_ROOT_PASSWORD": "root $pass'word\\n",
    "AWS_ACCESS_KEY_ID": "our-name",
    "AWS_SECRET_ACCESS_KEY": 'our "secret"',
}
# The first failures of `alias set` stand for a MinIO that still starts.
MC = """#!/bin/sh
echo "mc $*" >> "$CALLS"
case "$*" in
  "alias set"*|"admin user add"*) sed "s/^/stdin: /" >> "$CALLS" ;;
esac
case "$*" in
  "alias set"*)
    tries=$(cat "$TRIES" 2>/dev/null || echo 0); tries=$((tries + 1)); echo "$tries" > "$TRIES"
    [ "$tries" -gt "$FAILURES" ] ;;
  "$BROKEN"*) exit 1 ;;
esac
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "bin"
    made.mkdir()
    (made / "mc").write_text(MC)
    (made / "mc").chmod(0o755)
    return tmp_path


def run(folder: Path, *, failures: int = 0, broken: str = "none") -> "subprocess.CompletedProcess[str]":
    keys = folder / "keys"
    keys.mkdir(exist_ok=True)
    for name, value in KEYS.items():
        (keys / name).write_text(value)
    environment = {
        "KEYS": str(keys),
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "CALLS": str(folder / "calls"),
        "TRIES": str(folder / "tries"),
        "FAILURES": str(failures),
        "BROKEN": broken,
        "MINIO_URL": "http://minio:9000",
        "BUCKET": "shallowsight",
        "WAIT_SECONDS": "0",
    }
    return subprocess.run(["sh", str(SCRIPT)], env=environment, capture_output=True, text=True, timeout=60)


def calls(folder: Path) -> list[str]:
    return (folder / "calls").read_text().splitlines()


def test_it_makes_bucket_policy_and_user(folder: Path) -> None:
    done = run(folder)
    assert done.returncode == 0, done.stderr
    assert [line for line in calls(folder) if line.startswith("mc ")] == [
        "mc alias set store http://minio:9000 --api S3v4",
        "mc mb --ignore-existing store/shallowsight",
        "mc admin policy create store shallowsight /setup/policy.json",
        "mc admin user add store",
        "mc admin policy attach store shallowsight --user our-name",
    ]


def test_keys_go_in_whole_and_by_no_command_line(folder: Path) -> None:
    done = run(folder)
    told = [line.removeprefix("stdin: ") for line in calls(folder) if line.startswith("stdin: ")]
    assert told == [KEYS[name] for name in ("MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD", "AWS_ACCESS_KEY_ID")] + [
        KEYS["AWS_SECRET_ACCESS_KEY"]
    ]
    commands = "".join(line for line in calls(folder) if line.startswith("mc "))
    for name in ("MINIO_ROOT_PASSWORD", "AWS_SECRET_ACCESS_KEY"):
        assert KEYS[name] not in commands + done.stdout + done.stderr


def test_it_waits_for_a_minio_that_still_starts(folder: Path) -> None:
    assert run(folder, failures=3).returncode == 0
    assert sum(line.startswith("mc alias") for line in calls(folder)) == 4


def test_it_gives_up_and_says_why(folder: Path) -> None:
    done = run(folder, failures=1000)
    assert done.returncode == 1
    assert "MinIO at http://minio:9000 does not let us in" in done.stderr
    assert "mc mb" not in (folder / "calls").read_text()


@pytest.mark.parametrize("broken", ["mb", "admin policy create", "admin user add", "admin policy attach"])
def test_a_command_that_fails_fails_the_job(folder: Path, broken: str) -> None:
    done = run(folder, broken=broken)
    assert done.returncode != 0
    assert "is ready" not in done.stdout


def test_the_job_gives_the_script_its_variables() -> None:
    spec = pod(build("a100"), "minio-setup").spec
    given = {variable["name"]: variable["value"] for variable in spec["containers"][0]["env"]}
    assert {"MINIO_URL", "BUCKET", "WAIT_SECONDS"} <= set(given)
    mounts = {mount["mountPath"]: mount["name"] for mount in spec["containers"][0]["volumeMounts"]}
    (volume,) = (each for each in spec["volumes"] if each["name"] == mounts[given["KEYS"]])
    items = [item for source in volume["projected"]["sources"] for item in source["secret"]["items"]]
    assert [item["path"] for item in items] == list(KEYS)
