"""A study file whose data, tower and language model are in a bucket, run as a user would."""

import shutil
from pathlib import Path
from uuid import uuid4

import pytest
from s3_server import BUCKET, Server
from study_runs import cells, folder_of, ledger, named, shallowsight

from shallowsight.digest import file_sha256
from shallowsight.services.objects import open_objects

pytestmark = pytest.mark.slow


def upload(folder: Path) -> str:
    objects = open_objects(f"s3://{BUCKET}/{uuid4().hex}")
    for path in folder.rglob("*"):
        if path.is_file():
            objects.put_file(path.relative_to(folder).as_posix(), path)
    return objects.url


def outputs(study: Path) -> dict[str, dict[str, str]]:
    """`finetune 2` -> the sha256 of every output."""
    return {
        name: {each: file_sha256(folder_of(study, name) / each) for each in cell["outputs"]}
        for name, cell in cells(study).items()
    }


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
    here, there = tmp_path / "here", tmp_path / "there"
    for name, out in (("mine", here), ("theirs", there)):
        ended = shallowsight("study", str(mine / f"{name}.yaml"), "--out", str(out))
        assert ended.status == 0, ended.all
        assert "no data source" not in ended.out, "what it costs is known"
    assert outputs(here) == outputs(there) and len(outputs(here)) >= 5

    before = len(ledger(there))
    ended = shallowsight("study", str(mine / "theirs.yaml"), "--out", str(there))
    assert ended.status == 0, ended.all
    assert named(ledger(there)[before:], "started") == set()

    objects = open_objects(url)
    objects.put_bytes("pictures/a/1.png", objects.get_bytes("pictures/a/7.png") or b"")
    ended = shallowsight("study", str(mine / "theirs.yaml"), "--out", str(there), "--dry-run")
    assert "0 cells are whole" in ended.out, ended.all
