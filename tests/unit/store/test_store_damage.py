"""What is damaged in a store is found, said, and made again; what was made from it is known to be stale."""

from pathlib import Path
from typing import Any

import pytest
from built_cells import CHILD, MODEL, PARENT, events, leftovers, make_text, never

from shallowsight.errors import CorruptOutput, ShallowsightError
from shallowsight.store.store import CELL, Store


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
    with pytest.raises(CorruptOutput, match="analyze: a cell that it reads has changed since"):
        store.verify(CHILD)
    store.build(CHILD, make_text())
    assert store.is_whole(CHILD)
    assert events(store)[-3:] == [("corrupt", "b"), ("started", "b"), ("done", "b")]


def test_parent_rebuilt_to_equal_bytes_leaves_thechild_that_builds(store: Store) -> None:
    store.build(PARENT, make_text())
    store.build(CHILD, make_text())
    (store.folder(PARENT) / "two.bin").unlink()
    store.build(PARENT, make_text())
    store.build(CHILD, never)
    assert events(store)[-1] == ("reused", "b")


def test_missing_parent_is_named_before_anything_is_made(store: Store) -> None:
    with pytest.raises(ShallowsightError, match=f"analyze reads the cell {PARENT.digest}, which does not exist"):
        store.build(CHILD, never)
    assert events(store) == []
    assert leftovers(store) == []


def test_parent_that_vanishes_in_the_middle_fails_thechild_that_builds(store: Store) -> None:
    store.build(PARENT, make_text())

    def make(out: Path) -> None:
        (store.folder(PARENT) / CELL).unlink()

    with pytest.raises(ShallowsightError, match="which does not exist"):
        store.build(CHILD, make)
    assert not store.is_whole(CHILD)


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
