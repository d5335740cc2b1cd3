"""Two runs that share a bucket, compared from the command line."""

import json
import sys
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
from s3_server import BUCKET, Server
from study_builder import Builder

from shallowsight.cli import app
from shallowsight.store.objects.opening import open_objects
from shallowsight.store.opening import CACHE

CURVES = {"count": {2: 0.6, 7: 0.6, 11: 0.6}, "colour": {2: 0.8, 7: 0.8, 11: 0.8}}


def test_two_runs_of_one_bucket(
    s3: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))
    url = f"s3://{BUCKET}/{uuid4().hex}"
    objects = open_objects(url)
    for number, run in enumerate(("old", "new")):
        made = Builder(
            curves=CURVES, seeds=(0, 1), fusion_gain=None, n=60, salt=run, rng=np.random.default_rng(number)
        ).write(tmp_path / run)
        for cell in (made / "cells").iterdir():
            for path in sorted(cell.iterdir(), key=lambda p: p.name == "cell.json"):
                record = path.name == "cell.json"
                data = json.dumps(json.loads(path.read_text()) | {"parents": {}}).encode() if record else None
                objects.put_bytes(str(path.relative_to(made)), data or path.read_bytes())
        for name in ("study.json", "plan.json"):
            objects.put_file(f"runs/{run}/{name}", made / name)
            objects.put_file(name, made / name)  # as the run that was started last

    def compare(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["shallowsight", "compare", url, url, *words])
        with pytest.raises(SystemExit) as stop:
            app.main()
        return int(stop.value.code or 0), *capsys.readouterr()

    status, out, _ = compare("--run-before", "old")
    # Two seeds of one setting each know next to nothing of the noise.
    assert "no difference over all categories could have counted: train more seeds" in " ".join(out.split())
    assert status == 0 and "No difference is more than chance explains" in out
    assert f"from {url}, run old to {url}" in " ".join(out.split())
    assert "The same models" in compare()[1]
    status, _, err = compare("--run-before", "older")
    assert status == 2 and "has no run 'older': its runs are new, old" in err
