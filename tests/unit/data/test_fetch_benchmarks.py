"""Fetching from a hub: a real client against a small server that speaks the hub's protocol."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from dataset_hub import COMMIT, offer, running_hub
from public_rows import MAKERS, picture

from shallowsight.data.public.mirror import local_set, read_set
from shallowsight.study.public_benchmarks import find_public

pytestmark = pytest.mark.slow

COMMAND = Path(sys.executable).parent / "shallowsight"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[str]:
    with running_hub(tmp_path / "hub") as url:
        yield url


def fetch(hub: str, tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    plain = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "AWS_"))}
    own = {"HF_ENDPOINT": hub, "HF_HOME": str(tmp_path / "home"), "NO_PROXY": "127.0.0.1"}
    command = [str(COMMAND), "benchmarks", "fetch", *words]
    return subprocess.run(command, env=plain | own, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", ["pope", "gqa", "seedbench", "lmms:pope"])
def test_a_set_is_fetched_whole(name: str, hub: str, tmp_path: Path) -> None:
    offer(name.removeprefix("lmms:"), tmp_path / "hub")
    ended = fetch(hub, tmp_path, name, "--to", str(tmp_path / "mirror"))
    assert ended.returncode == 0, ended.stderr
    assert f"at {COMMIT}" in ended.stdout
    benchmark = find_public(name)
    assert benchmark is not None
    record = read_set(str(tmp_path / "mirror"), benchmark)
    assert record.revision == COMMIT and record.rows == len(MAKERS[name.removeprefix("lmms:")]()[0])
    folder = local_set(str(tmp_path / "mirror"), benchmark, record)
    from datasets import load_dataset

    rows = load_dataset("parquet", data_files=[str(path) for path in (folder / "data").iterdir()], split="train")
    first = rows[0]["image"]
    shown = first[0] if isinstance(first, list) else first
    assert shown.tobytes() == picture(0).tobytes(), "pictures are as they were"
    assert sorted(path.name for path in (tmp_path / "mirror").iterdir()) == [benchmark.folder]


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (("pope",), 2, "the hub has no data set 'lmms-lab-encoder/POPE'"),
        (("popes", "mme"), 2, "no public benchmark 'popes'; choose from cv_bench, gqa"),
        (("pope", "mme", "--revision", COMMIT), 2, "--revision is a commit of one repository"),
        (("lmms:no_such_task",), 2, "lmms:no_such_task: lmms-eval has no task 'no_such_task'"),
    ],
)
def test_what_is_not_there(words: tuple[str, ...], status: int, message: str, hub: str, tmp_path: Path) -> None:
    (tmp_path / "hub").mkdir()
    ended = fetch(hub, tmp_path, *words, "--to", str(tmp_path / "mirror"))
    assert ended.returncode == status and message in ended.stderr and "Traceback" not in ended.stderr


def test_another_revision_and_a_hub_that_is_away(hub: str, tmp_path: Path) -> None:
    offer("pope", tmp_path / "hub")
    ended = fetch(hub, tmp_path, "pope", "--to", str(tmp_path / "m"), "--revision", "f" * 40)
    assert ended.returncode == 2 and "no data set 'lmms-lab-encoder/POPE' at 'fff" in ended.stderr
    away = fetch("http://127.0.0.1:9", tmp_path, "pope", "--to", str(tmp_path / "m"))
    assert away.returncode == 1 and "the hub does not answer" in away.stderr and "Traceback" not in away.stderr
    assert not (tmp_path / "m" / "pope").exists()
