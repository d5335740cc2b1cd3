"""A store on a real S3 server that goes away in the middle of what it does."""

from pathlib import Path
from uuid import uuid4

import pytest
from faulty_proxy import FaultyProxy
from s3_server import BUCKET

from shallowsight.errors import StoreUnavailable
from shallowsight.store.cells import Cell
from shallowsight.store.mirror import MirroredStore
from shallowsight.store.objects.opening import open_objects

CELLS = 4


@pytest.mark.slow
@pytest.mark.parametrize("requests", range(1, 40, 6))
def test_what_was_reported_done_survives_a_store_that_dies(
    proxy: FaultyProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, requests: int
) -> None:
    """The server goes away after so many requests, in the middle of whatever was under way, and comes back later."""
    # What could not be released runs out by itself; this process is not dead, so that nobody sees it sooner.
    monkeypatch.setattr("shallowsight.store.mirror._LEASE", 2.0)
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
