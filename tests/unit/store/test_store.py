"""The store: a cell is whole or does not exist, whatever happens while it is made."""

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest
from built_cells import MODEL, events, leftovers, make_text, never

from shallowsight.errors import ShallowsightError
from shallowsight.store import disk
from shallowsight.store import store as store_module
from shallowsight.store.cells import Cell
from shallowsight.store.computation import NOTE, Computation, leave_note
from shallowsight.store.digest import file_sha256
from shallowsight.store.disk import write_whole
from shallowsight.store.store import CELL, Store

ONE = Computation(processes=2, threads=3, passes=4, instruction_set="AVX2", device="cpu")
OTHER = ONE.model_copy(update={"processes": 1, "passes": None})


def test_build_records_every_output(store: Store) -> None:
    folder = store.build(MODEL, make_text())
    record = json.loads((folder / CELL).read_text())
    assert folder == store.folder(MODEL) == store.root / "cells" / MODEL.digest
    assert {k: record[k] for k in ("step", "digest", "setting", "seed", "parents")} == {
        "step": "finetune",
        "digest": MODEL.digest,
        "setting": "3,8:concat",
        "seed": 1,
        "parents": {},
    }
    assert record["outputs"] == {
        name: {"sha256": file_sha256(folder / name), "size": (folder / name).stat().st_size}
        for name in ("sub/one.txt", "two.bin")
    }
    assert record["machine"]["cores"] == os.cpu_count()
    assert store.is_whole(MODEL)
    assert leftovers(store) == [MODEL.digest]


def test_how_it_was_computed_is_in_the_record_and_in_no_output(store: Store, tmp_path: Path) -> None:
    def make(out: Path) -> None:
        make_text()(out)
        leave_note(out, [ONE, OTHER])

    record = store.record(store.build(MODEL, make).name)
    assert record is not None
    assert record.computed == (ONE, OTHER) and NOTE not in record.outputs
    assert not (store.folder(MODEL) / NOTE).exists() and store.is_whole(MODEL)
    assert set(record.packages) == {"torch", "transformers", "deepspeed", "peft", "numpy", "pillow"}
    elsewhere = Store(tmp_path / "elsewhere")
    plain = elsewhere.record(elsewhere.build(MODEL, make_text()).name)
    assert plain is not None and plain.computed == ()
    assert plain.content == record.content, "what reads it reads the same"


def test_whole_cell_is_not_made_again(store: Store) -> None:
    store.build(MODEL, make_text())
    before = (store.folder(MODEL) / CELL).stat().st_mtime_ns
    store.build(MODEL, never)
    assert (store.folder(MODEL) / CELL).stat().st_mtime_ns == before
    assert events(store) == [("started", "c"), ("done", "c"), ("reused", "c")]


def test_cell_json_is_written_last(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    whole_sync = store_module.sync

    def sync(path: Path) -> None:
        synced.append(path.name)
        assert not store.folder(MODEL).exists() or path == store.root / "cells"
        whole_sync(path)

    monkeypatch.setattr(store_module, "sync", sync)

    def make(out: Path) -> None:
        make_text()(out)
        assert not (out / CELL).exists()
        assert not store.folder(MODEL).exists()

    store.build(MODEL, make)
    assert synced == ["one.txt", "two.bin", CELL, "cells"]


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(ValueError("broken picture"), id="error"),
        pytest.param(KeyboardInterrupt(), id="interrupt"),
        pytest.param(SystemExit(3), id="exit"),
    ],
)
def test_failing_make_leaves_nothing(store: Store, error: BaseException) -> None:
    def make(out: Path) -> None:
        make_text()(out)
        raise error

    with pytest.raises(type(error)):
        store.build(MODEL, make)
    assert leftovers(store) == []
    assert not store.is_whole(MODEL)
    assert events(store) == [("started", "c"), ("failed", "c")]
    store.build(MODEL, make_text())
    assert store.is_whole(MODEL)


def test_disk_full_leaves_nothing(store: Store) -> None:
    def make(out: Path) -> None:
        make_text()(out)
        with open("/dev/full", "wb", buffering=0) as full:
            full.write(b"x")

    with pytest.raises(OSError, match="No space left") as found:
        store.build(MODEL, make)
    assert found.value.errno == errno.ENOSPC
    assert leftovers(store) == []
    (line,) = [e for e in store.ledger.events() if e["event"] == "failed"]
    assert "No space left on device" in line["error"]


def test_disk_full_at_the_record_leaves_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, *_: object, **__: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left"):
        store.build(MODEL, lambda out: (out / "a").touch())
    assert leftovers(store) == []
    assert not store.is_whole(MODEL)


def test_failed_rebuild_keeps_no_half_of_the_old_cell(store: Store) -> None:
    store.build(MODEL, make_text())
    (store.folder(MODEL) / "two.bin").unlink()

    def make(out: Path) -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        store.build(MODEL, make)
    assert not store.is_whole(MODEL)
    assert events(store)[-3:] == [("corrupt", "c"), ("started", "c"), ("failed", "c")]


def test_build_many_makes_only_what_is_missing(store: Store) -> None:
    cells = [Cell(step="encode", digest=d * 16, setting=f"layer {d}") for d in "321"]
    store.build(cells[1], make_text("before"))
    got: list[str] = []

    def make(folders: Any) -> None:
        got.extend(cell.digest[0] for cell in folders)
        for folder in folders.values():
            make_text("together")(folder)

    folders = store.build_many(cells, make)
    assert folders == [store.folder(cell) for cell in cells]
    assert sorted(got) == ["1", "3"]
    assert [(f / "sub" / "one.txt").read_text() for f in folders] == ["together", "before", "together"]
    store.build_many(cells, lambda folders: never(Path()))


def test_build_many_fails_as_one(store: Store) -> None:
    cells = [Cell(step="encode", digest=d * 16) for d in "12"]

    def make(folders: Any) -> None:
        make_text()(folders[cells[0]])
        raise ValueError("second picture")

    with pytest.raises(ValueError, match="second picture"):
        store.build_many(cells, make)
    assert leftovers(store) == []
    assert [event for event, _ in events(store)] == ["started", "started", "failed", "failed"]


def test_write_whole_replaces_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "deep" / "plan.json"
    write_whole(path, "one")
    write_whole(path, "two")
    assert path.read_text() == "two"

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(disk, "sync", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, "three")
    assert path.read_text() == "two"
    assert [p.name for p in path.parent.iterdir()] == ["plan.json"]


def test_a_full_disk_is_named(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def make(out: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shallowsight.store.store.is_full", lambda folder: folder == store.root)
    with pytest.raises(ShallowsightError, match=rf"the disk of {store.root} is full \(.*No space left.*make room"):
        store.build(MODEL, make)
    assert leftovers(store) == []
