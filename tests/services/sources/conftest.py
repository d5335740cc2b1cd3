"""The data of `prepared` in a bucket of a real S3 server."""

import json
from pathlib import Path
from uuid import uuid4

import pytest
from bucket_data import upload
from s3_server import BUCKET, Server
from tiny import Prepared, write_pictures

from shallowsight.store.cache import CACHE
from shallowsight.store.objects.objects import Objects
from shallowsight.store.objects.opening import open_objects


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def here(s3: Server, prepared: Prepared) -> Objects:
    """The bucket with the data of `prepared`: train.json, test.json and images/."""
    objects = open_objects(f"s3://{BUCKET}/{uuid4().hex}")
    upload(prepared.files, objects)
    return objects


@pytest.fixture
def enough(here: Objects, prepared: Prepared, tmp_path: Path) -> Objects:
    """Six training pictures more, which the analysis needs."""
    more = write_pictures(tmp_path / "more", 6, first=20)
    for path in (tmp_path / "more").iterdir():
        here.put_file(f"images/{path.name}", path)
    records = json.loads((prepared.files / "train.json").read_text(encoding="utf-8"))
    here.put_bytes("train.json", json.dumps(records + more).encode())
    return here
