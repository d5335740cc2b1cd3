"""A study file whose data, tower and language model are in a bucket, run as a user would."""

import shutil
from pathlib import Path
from uuid import uuid4

import pytest
from s3_server import BUCKET, Server
from study_runs import cells, ledger, named, shallowsight

from shallowsight.services.objects import open_objects

pytestmark = pytest.mark.slow


def upload(folder: Path) -> str:
    objects = open_objects(f"s3://{BUCKET}/{uuid4().hex}")
    for path in folder.rglob("*"):
        if path.is_file():
            objects.put_file(path.relative_to(folder).as_posix(), path)
    return objects.url


@pytest.fixture
def mine(own_data: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(own_data, tmp_path / "mine"))


def test_a_study_file_that_names_a_bucket(
    s3: Server, mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    url = upload(mine)
    text = (mine / "mine.yaml").read_text().replace("tower: tower", f"tower: {url}/tower")
    for name in ("pictures", "train.json", "test.jsonl"):
        text = text.replace(f": {name}", f": {url}/{name}")
    assert text.count("s3://") == 4
    (mine / "theirs.yaml").write_text(text)
    study = tmp_path / "study"
    ended = shallowsight("study", str(mine / "theirs.yaml"), "--out", str(study))
    assert ended.status == 0, ended.all
    assert "no data source" not in ended.out, "what it costs is known"
    assert len(cells(study)) >= 5

    # It is the study of the same files on a disk.
    before = len(ledger(study))
    ended = shallowsight("study", str(mine / "mine.yaml"), "--out", str(study))
    assert ended.status == 0, ended.all
    assert named(ledger(study)[before:], "started") == set()

    objects = open_objects(url)
    objects.put_bytes("pictures/a/1.png", objects.get_bytes("pictures/a/7.png") or b"")
    ended = shallowsight("study", str(mine / "theirs.yaml"), "--out", str(study), "--dry-run")
    assert "0 cells are whole" in ended.out, ended.all
