"""A study whose data, tower and store are in buckets: the same cells as in folders, for every machine that comes."""

import json
import re
import shutil
from pathlib import Path
from uuid import uuid4

import pytest
from s3_server import BUCKET, Server
from study_runs import contents, shallowsight

from shallowsight.store.mirror import FILES
from shallowsight.store.objects.objects import Objects
from shallowsight.store.objects.opening import open_objects

pytestmark = pytest.mark.slow


def upload(folder: Path) -> str:
    objects = open_objects(f"s3://{BUCKET}/{uuid4().hex}")
    for path in folder.rglob("*"):
        if path.is_file():
            objects.put_file(path.relative_to(folder).as_posix(), path)
    return objects.url


@pytest.fixture
def mine(own_data: Path, tmp_path: Path) -> Path:
    """With a study file more, which names everything in a bucket."""
    folder = Path(shutil.copytree(own_data, tmp_path / "mine"))
    url = upload(folder)
    text = (folder / "mine.yaml").read_text().replace("tower: tower", f"tower: {url}/tower")
    for name in ("pictures", "train.json", "test.jsonl"):
        text = text.replace(f": {name}", f": {url}/{name}")
    assert text.count("s3://") == 4
    (folder / "theirs.yaml").write_text(text)
    return folder


def made(objects: Objects) -> list[str]:
    """The digests of all cells that were ever done, by whatever machine."""
    written = [line for key in objects.keys("ledger/") for line in (objects.get_bytes(key) or b"").splitlines()]
    return sorted(event["cell"] for event in map(json.loads, written) if event["event"] == "done")


def test_a_study_in_buckets(
    s3: Server, mine: Path, own_study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"s3://{BUCKET}/{uuid4().hex}"
    monkeypatch.setenv("HOME", str(tmp_path / "here"))
    first = shallowsight("study", str(mine / "theirs.yaml"), "--set", "settings=2 3", "--out", url)
    assert first.status == 0, first.all
    assert "report: " in first.out
    assert "no data source" not in first.out, "what it costs is known"

    objects = open_objects(url)
    records = [json.loads(objects.get_bytes(key) or b"") for key in objects.keys("cells/") if key.endswith("cell.json")]
    found = {
        f"{r['step']} {r['setting'] or ''}".strip(): {k: o["sha256"] for k, o in r["outputs"].items()} for r in records
    }
    expected = {name: outputs for name, (_, outputs) in contents(own_study).items()}
    assert {name: found[name] for name in expected} == expected
    assert found.keys() - expected.keys() >= {"pretrain 3", "finetune 3", "evaluate 3"}
    listed = json.loads(objects.get_bytes(f"report/{FILES}") or b"")
    assert set(listed) == {path.name for path in (own_study / "report").iterdir()}

    (study,) = (key for key in objects.keys("runs/") if key.endswith("/study.json"))
    assert re.fullmatch(r"runs/[-\w]+/study\.json", study), "the runner gives its boxes the id of the run"
    for name in ("study.json", "plan.json"):
        assert objects.get_bytes(study.replace("study.json", name)) == objects.get_bytes(name)

    monkeypatch.setenv("HOME", str(tmp_path / "there"))
    again = shallowsight("study", str(mine / "theirs.yaml"), "--set", "settings=2 3", "--out", url)
    assert again.status == 0, again.all
    assert made(objects) == sorted(record["digest"] for record in records), "the second machine made nothing"
    table = [line for line in first.out.splitlines() if line.startswith(("2 ", "3 "))]
    assert table and [line for line in again.out.splitlines() if line.startswith(("2 ", "3 "))] == table

    data = open_objects(re.search(r"s3://\S+(?=/tower)", (mine / "theirs.yaml").read_text())[0])  # type: ignore[index]
    data.put_bytes("pictures/a/1.png", data.get_bytes("pictures/a/7.png") or b"")
    ended = shallowsight("study", str(mine / "theirs.yaml"), "--set", "settings=2 3", "--out", url, "--dry-run")
    assert "0 cells are whole" in ended.out, ended.all
