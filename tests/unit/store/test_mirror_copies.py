"""Cells of a bucket are brought to another machine once, and what is damaged is made again."""

import logging

import pytest
from built_cells import never
from mirrored import CHILD, PARENT, Bucket, make_text

from shallowsight.errors import CorruptOutput
from shallowsight.store.mirror import MirroredStore
from shallowsight.store.store import CELL


def test_another_machine_uses_it(here: MirroredStore, there: MirroredStore) -> None:
    here.build(PARENT, make_text())
    place = there.build(PARENT, never)
    assert not place.exists(), "nothing is brought before it is read"
    folder = there.folder(PARENT)
    assert folder == place and (folder / "sub" / "one.txt").read_text() == "content"
    assert there.build(CHILD, make_text()) == there.place(CHILD)
    assert here.is_whole(CHILD)


def test_a_copy_is_brought_once(here: MirroredStore, there: MirroredStore, caplog: pytest.LogCaptureFixture) -> None:
    here.build(PARENT, make_text())
    with caplog.at_level(logging.INFO):
        there.folder(PARENT)
        there.folder(PARENT)
    assert sum("copying" in record.getMessage() for record in caplog.records) == 1


def test_a_damaged_copy_is_brought_again(here: MirroredStore, there: MirroredStore) -> None:
    here.build(PARENT, make_text())
    (there.folder(PARENT) / "sub" / "one.txt").write_text("CONTENT")
    assert (there.folder(PARENT) / "sub" / "one.txt").read_text() == "content"


def test_a_copy_of_what_was_built_again_since_is_brought_again(
    here: MirroredStore, there: MirroredStore, bucket: Bucket
) -> None:
    here.build(PARENT, make_text("old"))
    there.folder(PARENT)
    bucket.delete(f"cells/{PARENT.digest}/{CELL}")
    # As when its place here is lost too.
    (here.place(PARENT) / CELL).unlink()
    here.build(PARENT, make_text("new"))
    assert (there.folder(PARENT) / "sub" / "one.txt").read_text() == "new"


def test_a_flipped_byte_in_the_bucket_is_never_used(here: MirroredStore, there: MirroredStore, bucket: Bucket) -> None:
    here.build(PARENT, make_text())
    bucket.put_bytes(f"cells/{PARENT.digest}/sub/one.txt", b"CONTENT")
    with pytest.raises(
        CorruptOutput, match=r"sub/one.txt is not the file that was written; run the same command to make it"
    ):
        there.folder(PARENT)
    assert not there.place(PARENT).exists()
    there.build(PARENT, make_text("again"))
    assert (here.folder(PARENT) / "sub" / "one.txt").read_text() == "again"


def test_a_reader_that_comes_too_late_spares_what_was_built_since(
    here: MirroredStore, there: MirroredStore, bucket: Bucket
) -> None:
    here.build(PARENT, make_text("old"))
    old = there.record(PARENT.digest)
    assert old is not None
    bucket.delete(f"cells/{PARENT.digest}/{CELL}")
    (here.place(PARENT) / CELL).unlink()
    here.build(PARENT, make_text("new"))
    there._bring(old, there.place(PARENT))
    assert here.is_whole(PARENT)
    assert (there.place(PARENT) / "sub" / "one.txt").read_text() == "new"


def test_an_object_of_another_length_is_built_again(here: MirroredStore, there: MirroredStore, bucket: Bucket) -> None:
    here.build(PARENT, make_text())
    bucket.put_bytes(f"cells/{PARENT.digest}/scores.json", b"{}")
    with pytest.raises(CorruptOutput, match=r"scores\.json is not the file that was written"):
        there.verify(PARENT)
    there.build(PARENT, make_text())
    assert here.is_whole(PARENT)


def test_a_missing_output_is_built_again(here: MirroredStore, there: MirroredStore, bucket: Bucket) -> None:
    here.build(PARENT, make_text())
    bucket.delete(f"cells/{PARENT.digest}/sub/one.txt")
    assert not there.is_whole(PARENT)
    there.build(PARENT, make_text())
    assert here.is_whole(PARENT)
