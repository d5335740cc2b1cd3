"""A study in a bucket is tracked from any machine that reads it."""

from pathlib import Path
from uuid import uuid4

import pytest
from evaluated_study import evaluated
from s3_server import BUCKET, Server
from tracked import needs_weave, server_for_weave

from shallowsight.steps.tracking import track_study
from shallowsight.store.opening import CACHE, open_store

pytestmark = [pytest.mark.slow, needs_weave]


def test_from_another_machine(s3: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"s3://{BUCKET}/{uuid4().hex}"
    monkeypatch.setenv(CACHE, str(tmp_path / "here"))
    evaluated(open_store(url))
    monkeypatch.setenv(CACHE, str(tmp_path / "elsewhere"))
    with server_for_weave(tmp_path) as (server, _):
        assert len(track_study(open_store(url)).sent) == 4
        assert len(server.named("Evaluation.evaluate")) == 4
