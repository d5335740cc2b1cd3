"""A mirror of public benchmarks in a bucket of a real S3 server."""

import os
import subprocess
from pathlib import Path
from uuid import uuid4

import pytest
from dataset_hub import COMMIT, offer, running_hub
from public_rows import write_set
from s3_server import BUCKET, Server
from study_runs import COMMAND

from shallowsight.data.public.mirror import RECORD, NotRunnable, local_set, read_set
from shallowsight.store.cache import CACHE
from shallowsight.store.objects.opening import open_objects
from shallowsight.study.public_benchmarks import PublicBenchmark, find_public

pytestmark = pytest.mark.slow


@pytest.fixture
def mirror(s3: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))
    return f"s3://{BUCKET}/{uuid4().hex}"


@pytest.fixture
def pope() -> PublicBenchmark:
    found = find_public("pope")
    assert found is not None
    return found


def test_a_set_in_a_bucket_is_that_of_a_folder(mirror: str, pope: PublicBenchmark, tmp_path: Path) -> None:
    folder = write_set(tmp_path / "here", "pope")
    objects = open_objects(mirror)
    for path in folder.rglob("*.*"):
        objects.put_file(f"pope/{path.relative_to(folder).as_posix()}", path)
    record = read_set(mirror, pope)
    assert record.digest == read_set(str(tmp_path / "here"), pope).digest
    copy = local_set(mirror, pope, record)
    assert sorted(p.name for p in copy.rglob("*.parquet")) == sorted(p.name for p in folder.rglob("*.parquet"))

    (name, *_) = sorted(record.files)
    objects.put_bytes(f"pope/{name}", b"short")
    with pytest.raises(NotRunnable, match="the set is cut"):
        read_set(mirror, pope)
    objects.delete(f"pope/{RECORD}")
    with pytest.raises(NotRunnable, match="has no set pope that is whole"):
        read_set(mirror, pope)


def test_fetching_into_a_bucket(mirror: str, pope: PublicBenchmark, tmp_path: Path) -> None:
    offer("pope", tmp_path / "hub")
    with running_hub(tmp_path / "hub") as hub:
        plain = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
        own = {"HF_ENDPOINT": hub, "HF_HOME": str(tmp_path / "home"), "NO_PROXY": "127.0.0.1"}
        command = [COMMAND, "benchmarks", "fetch", "pope", "--to", mirror]
        done = subprocess.run(command, env=plain | own, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    record = read_set(mirror, pope)
    assert (record.revision, record.rows) == (COMMIT, 6)
    assert local_set(mirror, pope, record).is_dir()
