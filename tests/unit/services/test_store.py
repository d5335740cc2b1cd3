"""The store: a cell is whole or does not exist, whatever happens while it is made."""

import errno
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from shallowsight.cells import Cell
from shallowsight.digest import file_sha256
from shallowsight.errors import ConfigurationError, CorruptOutput, ShallowsightError
from shallowsight.services import store as store_module
from shallowsight.services.store import CELL, Store, write_whole
from shallowsight.services.stores import open_store

PARENT = Cell(step="prepare", digest="a" * 16)
CHILD = Cell(step="analyze", digest="b" * 16, parents=(PARENT.digest,))
MODEL = Cell(step="finetune", digest="c" * 16, setting="3,8:concat", seed=1)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "study")


def make_text(text: str = "content") -> Any:
    def make(out: Path) -> None:
        (out / "sub").mkdir()
        (out / "sub" / "one.txt").write_text(text)
        (out / "two.bin").write_bytes(b"\0" * 1000)

    return make


def never(out: Path) -> None:
    raise AssertionError("made a cell that was whole")


def events(store: Store) -> list[tuple[str, str]]:
    return [(line["event"], line["cell"][0]) for line in store.ledger.events()]


def leftovers(store: Store) -> list[str]:
    return [p.name for p in (store.root / "cells").iterdir() if not p.name.endswith(".lock")]


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


def test_whole_cell_is_not_made_again(store: Store) -> None:
    store.build(MODEL, make_text())
    before = (store.folder(MODEL) / CELL).stat().st_mtime_ns
    store.build(MODEL, never)
    assert (store.folder(MODEL) / CELL).stat().st_mtime_ns == before
    assert events(store) == [("started", "c"), ("done", "c"), ("reused", "c")]


def test_cell_json_is_written_last(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    whole_sync = store_module._sync

    def sync(path: Path) -> None:
        synced.append(path.name)
        assert not store.folder(MODEL).exists() or path == store.root / "cells"
        whole_sync(path)

    monkeypatch.setattr(store_module, "_sync", sync)

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


def _child(store: Store, body: str) -> "subprocess.Popen[bytes]":
    """A process that builds MODEL in `store`; `make` prints a line and then does what `body` says."""
    code = f"""
import sys, time
from pathlib import Path
from shallowsight.cells import Cell
from shallowsight.services.store import Store

def make(out):
    (out / "first").write_text("half")
    print("making", flush=True)
{textwrap.indent(textwrap.dedent(body), "    ")}

Store(Path({str(store.root)!r})).build(Cell.model_validate_json({MODEL.model_dump_json()!r}), make)
"""
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)


def _wait_until_making(child: "subprocess.Popen[bytes]") -> None:
    assert child.stdout is not None
    assert child.stdout.readline() == b"making\n"


def test_killed_process_leaves_no_cell(store: Store) -> None:
    child = _child(store, "time.sleep(60)")
    _wait_until_making(child)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert leftovers(store) == [f".building-{MODEL.digest}"]
    assert not store.is_whole(MODEL)
    store.build(MODEL, make_text())
    assert leftovers(store) == [MODEL.digest]
    assert sorted(p.name for p in store.folder(MODEL).iterdir()) == [CELL, "sub", "two.bin"]  # nothing of the killed
    assert events(store) == [("started", "c"), ("started", "c"), ("done", "c")]


def test_two_processes_make_a_cell_once(store: Store) -> None:
    child = _child(store, "time.sleep(0.7)")
    _wait_until_making(child)
    store.build(MODEL, never)  # waits for the other
    assert child.wait() == 0
    assert (store.folder(MODEL) / "first").read_text() == "half"
    assert events(store) == [("started", "c"), ("done", "c"), ("reused", "c")]


def test_waiting_process_takes_over_when_the_other_dies(store: Store) -> None:
    child = _child(store, "time.sleep(60)")
    _wait_until_making(child)
    killer = threading.Timer(0.5, child.kill)
    killer.start()
    store.build(MODEL, make_text("mine"))
    child.wait()
    assert (store.folder(MODEL) / "sub" / "one.txt").read_text() == "mine"


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


DAMAGE = [
    pytest.param("two.bin", _flip, "not the file that was written", id="flipped byte"),
    pytest.param("two.bin", Path.unlink, "is missing", id="missing file"),
    pytest.param("sub/one.txt", _truncate, "not the file that was written", id="truncated file"),
    pytest.param(CELL, _truncate, "not built yet", id="truncated cell.json"),
    pytest.param(CELL, lambda p: p.write_text("[]"), "not built yet", id="cell.json of another form"),
    pytest.param(CELL, lambda p: p.write_bytes(b"\xff\xfe"), "not built yet", id="cell.json that is no text"),
    pytest.param(CELL, lambda p: p.write_text(f'{{"digest": "{MODEL.digest}"}}'), "not built yet", id="no outputs"),
]


@pytest.mark.parametrize(("name", "damage", "says"), DAMAGE)
def test_damage_is_found_and_mended(store: Store, name: str, damage: Any, says: str) -> None:
    store.build(MODEL, make_text())
    before = store.record(MODEL.digest)
    damage(store.folder(MODEL) / name)
    with pytest.raises(CorruptOutput, match=says):
        store.verify(MODEL)
    assert not store.is_whole(MODEL)
    store.build(MODEL, make_text())
    assert store.is_whole(MODEL)
    record = store.record(MODEL.digest)
    assert record is not None and before is not None
    assert record.content == before.content
    assert events(store)[2:] == [("corrupt", "c"), ("started", "c"), ("done", "c")]


def test_never_built_is_not_called_corrupt(store: Store) -> None:
    store.build(MODEL, make_text())
    assert ("corrupt", "c") not in events(store)


def test_cell_json_of_another_cell_does_not_count(store: Store) -> None:
    store.build(PARENT, make_text())
    store.folder(PARENT).rename(store.folder(MODEL))
    assert not store.is_whole(MODEL)


def test_removed_cell_json_means_no_cell(store: Store) -> None:
    store.build(MODEL, make_text("old"))
    (store.folder(MODEL) / CELL).unlink()
    store.build(MODEL, make_text("new"))
    assert (store.folder(MODEL) / "sub" / "one.txt").read_text() == "new"


def test_parent_rebuilt_to_other_bytes_makes_the_child_stale(store: Store) -> None:
    store.build(PARENT, make_text("one"))
    store.build(CHILD, make_text())
    (store.folder(PARENT) / "two.bin").unlink()
    assert store.is_whole(CHILD)  # nothing is known against it while the parent is being mended
    store.build(PARENT, make_text("two"))
    with pytest.raises(CorruptOutput, match="analyze: what it was built from has changed"):
        store.verify(CHILD)
    store.build(CHILD, make_text())
    assert store.is_whole(CHILD)
    assert events(store)[-3:] == [("corrupt", "b"), ("started", "b"), ("done", "b")]


def test_parent_rebuilt_to_equal_bytes_leaves_the_child(store: Store) -> None:
    store.build(PARENT, make_text())
    store.build(CHILD, make_text())
    (store.folder(PARENT) / "two.bin").unlink()
    store.build(PARENT, make_text())
    store.build(CHILD, never)
    assert events(store)[-1] == ("reused", "b")


def test_missing_parent_is_named_before_anything_is_made(store: Store) -> None:
    with pytest.raises(ShallowsightError, match=f"analyze reads the cell {PARENT.digest}, which is not there"):
        store.build(CHILD, never)
    assert events(store) == []
    assert leftovers(store) == []


def test_parent_that_vanishes_in_the_middle_fails_the_child(store: Store) -> None:
    store.build(PARENT, make_text())

    def make(out: Path) -> None:
        (store.folder(PARENT) / CELL).unlink()

    with pytest.raises(ShallowsightError, match="which is not there"):
        store.build(CHILD, make)
    assert not store.is_whole(CHILD)


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


def test_build_many_in_two_orders_does_not_lock_up(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    cells = [Cell(step="encode", digest=d * 16) for d in "123456"]
    lock = Store._lock

    @contextmanager
    def slow(self: Store, cell: Cell) -> Iterator[None]:
        with lock(self, cell):
            time.sleep(0.05)  # so that the two meet in the middle
            yield

    monkeypatch.setattr(Store, "_lock", slow)

    def make(folders: Any) -> None:
        for folder in folders.values():
            make_text()(folder)

    threads = [threading.Thread(target=store.build_many, args=(order, make)) for order in (cells, cells[::-1])]
    for thread in threads:
        thread.daemon = True
        thread.start()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    assert sorted(event for event, _ in events(store)) == ["done"] * 6 + ["reused"] * 6 + ["started"] * 6


def test_exclusive_refuses_a_second_run(store: Store) -> None:
    with store.exclusive():
        with pytest.raises(ShallowsightError, match=f"in use by process {os.getpid()}; wait for it or name another"):
            with Store(store.root).exclusive():
                pytest.fail("two runs at once")
        # The refused one did not take the name of the first away.
        assert (store.root / ".lock").read_text() == str(os.getpid())
    with store.exclusive():
        pass


def test_exclusive_is_free_after_the_holder_was_killed(store: Store) -> None:
    code = (
        "import sys, time; from pathlib import Path; from shallowsight.services.store import Store\n"
        "with Store(Path(sys.argv[1])).exclusive():\n    print('in', flush=True)\n    time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(store.root)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    with pytest.raises(ShallowsightError, match=f"in use by process {child.pid}"), store.exclusive():
        pytest.fail("two runs at once")
    child.kill()
    child.wait()
    with store.exclusive():
        assert (store.root / ".lock").read_text() == str(os.getpid())


def test_exclusive_sweeps_what_a_killed_run_left(store: Store) -> None:
    store.build(MODEL, make_text())
    half = store.root / "cells" / ".building-dddddddddddddddd"
    half.mkdir()
    (half / "part").touch()
    with store.exclusive():
        assert leftovers(store) == [MODEL.digest]
    assert store.is_whole(MODEL)


@pytest.mark.parametrize(
    ("url", "folder"),
    [
        pytest.param("file:///a/b", "/a/b", id="plain"),
        pytest.param("file:///a%20b/%C3%BC%23", "/a b/\u00fc#", id="quoted"),
    ],
)
def test_open_store(url: str, folder: str) -> None:
    assert open_store(url).root == Path(folder)


@pytest.mark.parametrize("url", ["", "runs/x", "/a/b", "file:a", "file://host/a", "file://", "http://a/b"])
def test_open_store_refuses(url: str) -> None:
    with pytest.raises(ConfigurationError, match="write file:///absolute/folder") as found:
        open_store(url)
    assert repr(url) in str(found.value)


def test_open_store_round_trips_what_a_run_passes(tmp_path: Path) -> None:
    from shallowsight.study import pipeline_arguments

    strange = Store(tmp_path / "a b#c?d%e;f ü")
    assert open_store(pipeline_arguments("study", "demo", [], strange, 0)["store"]).root == strange.root


def test_write_whole_replaces_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "deep" / "plan.json"
    write_whole(path, "one")
    write_whole(path, "two")
    assert path.read_text() == "two"

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(store_module, "_sync", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, "three")
    assert path.read_text() == "two"
    assert [p.name for p in path.parent.iterdir()] == ["plan.json"]


def test_exclusive_leaves_a_step_at_work_alone(store: Store) -> None:
    child = _child(store, "time.sleep(0.7)")
    _wait_until_making(child)
    with store.exclusive():
        assert leftovers(store) == [f".building-{MODEL.digest}"]
    assert child.wait() == 0
    assert store.is_whole(MODEL)


def test_no_flipped_byte_of_a_cell_json_passes_for_other_content(store: Store) -> None:
    store.build(PARENT, make_text())
    store.build(MODEL.model_copy(update={"parents": (PARENT.digest,)}), make_text())
    child = MODEL.model_copy(update={"parents": (PARENT.digest,)})
    path = store.folder(child) / CELL
    good = path.read_bytes()
    known = store.record(child.digest)
    assert known is not None
    for position in range(len(good)):
        path.write_bytes(good[:position] + bytes([good[position] ^ 1]) + good[position + 1 :])
        found = store.record(child.digest)
        same = found is not None and (found.outputs, found.parents) == (known.outputs, known.parents)
        assert store.is_whole(child) == same, (position, good[position : position + 20])


def test_a_damaged_parent_is_never_read(store: Store) -> None:
    store.build(PARENT, make_text())
    next(p for p in store.folder(PARENT).iterdir() if p.name != CELL).write_text("poison")
    with pytest.raises(CorruptOutput, match="is not the file that was written"):
        store.build(MODEL.model_copy(update={"parents": (PARENT.digest,)}), make_text())


def test_a_foreign_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "photo.png").touch()
    with pytest.raises(ConfigurationError, match="holds other files"):
        Store(tmp_path / "mine").require_own()


def test_a_folder_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=r"file is a file; name a folder elsewhere"):
        Store(tmp_path / "file" / "a" / "b").require_own()
