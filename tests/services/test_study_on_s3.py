"""A study whose store is a real S3 server: the same cells as in a folder, for every machine that comes."""

import json
import re
from pathlib import Path
from uuid import uuid4

import pytest
from faulty_proxy import FaultyProxy
from s3_server import BUCKET, Server
from study_runs import QUICK, contents, shallowsight

from shallowsight.cells import Cell
from shallowsight.errors import StoreUnavailable
from shallowsight.services.mirror import FILES, MirroredStore
from shallowsight.services.objects import open_objects

CELLS = 4


@pytest.mark.slow
def test_the_same_cells_as_in_a_folder(
    s3: Server, quick: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"s3://{BUCKET}/{uuid4().hex}"
    monkeypatch.setenv("HOME", str(tmp_path / "here"))
    first = shallowsight("study", *QUICK, "--out", url)
    assert first.status == 0, first.all
    assert "report: " in first.out

    objects = open_objects(url)
    records = [
        json.loads(objects.get_bytes(key) or b"") for key in objects.keys("cells/") if key.endswith("/cell.json")
    ]
    found = {
        f"{r['step']} {r['setting'] or ''}".strip(): (r["digest"], {k: o["sha256"] for k, o in r["outputs"].items()})
        for r in records
    }
    assert found == contents(quick)
    listed = json.loads(objects.get_bytes(f"report/{FILES}") or b"")
    assert set(listed) == {path.name for path in (quick / "report").iterdir()}

    (study,) = (key for key in objects.keys("runs/") if key.endswith("/study.json"))
    assert re.fullmatch(r"runs/[-\w]+/study\.json", study), "the runner gives its boxes the id of the run"
    for name in ("study.json", "plan.json"):
        assert objects.get_bytes(study.replace("study.json", name)) == objects.get_bytes(name)

    monkeypatch.setenv("HOME", str(tmp_path / "there"))
    again = shallowsight("study", *QUICK, "--out", url)
    assert again.status == 0, again.all
    built = [line for key in objects.keys("ledger/") for line in (objects.get_bytes(key) or b"").splitlines()]
    done = [event["cell"] for event in map(json.loads, built) if event["event"] == "done"]
    assert sorted(done) == sorted(record["digest"] for record in records), "the second machine made nothing"
    table = [line for line in first.out.splitlines() if line.startswith(("6 ", "12 "))]
    assert table and [line for line in again.out.splitlines() if line.startswith(("6 ", "12 "))] == table


@pytest.mark.slow
@pytest.mark.parametrize("requests", range(1, 40, 6))
def test_what_was_reported_done_survives_a_store_that_dies(
    proxy: FaultyProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, requests: int
) -> None:
    """The server goes away after so many requests, in the middle of whatever was under way, and comes back later."""
    # What could not be released runs out by itself; this process is not dead, so that nobody sees it sooner.
    monkeypatch.setattr("shallowsight.services.mirror._LEASE", 2.0)
    url = f"s3://{BUCKET}/{uuid4().hex}"
    objects = open_objects(url, patience=0.3)
    store = MirroredStore(objects, tmp_path / "here")
    cells = [Cell(step="encode", digest=f"{number:016}", setting=f"layer {number}") for number in range(CELLS)]
    made: list[int] = []

    def build(number: int) -> None:
        def make(out: Path) -> None:
            made.append(number)
            (out / "features.npy").write_bytes(bytes([number]) * 100_000)

        store.build(cells[number], make)

    asked = len(proxy.requests)
    proxy.rule = lambda method, path: "drop" if len(proxy.requests) - asked > requests else None
    with pytest.raises(StoreUnavailable):
        for number in range(CELLS):
            build(number)
    done = {line["cell"] for line in store.ledger.events() if line["event"] == "done"}
    proxy.rule = lambda method, path: None
    for cell in cells:
        assert store.is_whole(cell) or cell.digest not in done
    for number in range(CELLS):
        build(number)
    assert made.count(0) <= 2 and sorted(set(made)) == list(range(CELLS))
    there = MirroredStore(open_objects(url), tmp_path / "there")
    for number, cell in enumerate(cells):
        assert (there.folder(cell) / "features.npy").read_bytes() == bytes([number]) * 100_000
