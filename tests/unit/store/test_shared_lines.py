"""Lines in a bucket: put by each process into an object of its own, and read by all that come later."""

import logging
import threading
from pathlib import Path

import pytest
from mirrored import Bucket

from shallowsight.errors import StoreUnavailable
from shallowsight.store import shared_lines
from shallowsight.store.mirror import MirroredStore
from shallowsight.store.store import Store

NAME = "answers/0a1b"


def found(store: Store) -> list[bytes]:
    with store.lines(NAME) as lines:
        return sorted(lines.found)


@pytest.fixture
def is_put(monkeypatch: pytest.MonkeyPatch, bucket: Bucket) -> threading.Event:
    """Set when the next object was put."""
    put = threading.Event()
    put_bytes = bucket.put_bytes

    def told(key: str, data: bytes) -> None:
        put_bytes(key, data)
        put.set()

    monkeypatch.setattr(bucket, "put_bytes", told)
    return put


def test_a_folder_and_a_bucket_keep_the_same_lines(store: Store, here: MirroredStore) -> None:
    for each in (store, here):
        with each.lines(NAME) as lines:
            assert lines.found == ()
            lines.append("one\ntwo\n")
            lines.append("three\n")
        assert found(each) == [b"one", b"three", b"two"]


def test_another_machine_reads_them(here: MirroredStore, there: MirroredStore, bucket: Bucket) -> None:
    with here.lines(NAME) as lines:
        lines.append("one\n")
    with there.lines(NAME) as lines:
        assert lines.found == (b"one",)
        lines.append("two\n")
    assert found(here) == [b"one", b"two"]
    keys = bucket.keys(f"{NAME}/")
    assert [bucket.get_bytes(key) for key in keys] == [b"one\n", b"two\n"], "an object for each process"
    assert bucket.keys() == keys, "beside which nothing was put"


def test_two_at_once_lose_nothing(here: MirroredStore, there: MirroredStore) -> None:
    with here.lines(NAME) as one, there.lines(NAME) as other:
        for number in range(50):
            one.append(f"one {number}\n")
            other.append(f"other {number}\n")
    assert set(found(here)) == {f"{who} {n}".encode() for who in ("one", "other") for n in range(50)}


def test_whatever_ends_the_block_they_are_put(here: MirroredStore, there: MirroredStore) -> None:
    for end in (ValueError, KeyboardInterrupt):
        with pytest.raises(end), here.lines(NAME) as lines:
            lines.append(f"{end.__name__}\n")
            raise end
    assert found(there) == [b"KeyboardInterrupt", b"ValueError"]


def test_they_are_put_in_between(
    here: MirroredStore, bucket: Bucket, is_put: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_lines, "PUT_SECONDS", 0.01)
    with here.lines(NAME) as lines:
        for whole in (b"one\n", b"one\ntwo\n"):
            lines.append(whole.splitlines()[-1].decode() + "\n")
            assert is_put.wait(60)
            (key,) = bucket.keys(f"{NAME}/")
            assert bucket.get_bytes(key) == whole
            is_put.clear()
    assert not is_put.is_set(), "nothing is put twice"


def test_a_minute_passes_between_two_puts(here: MirroredStore, bucket: Bucket) -> None:
    assert shared_lines.PUT_SECONDS == 60
    with here.lines(NAME) as lines:
        lines.append("one\n")
        assert bucket.keys() == []


def test_nothing_is_put_where_nothing_came(here: MirroredStore, bucket: Bucket) -> None:
    assert found(here) == [] and bucket.keys() == []


def test_a_bucket_that_is_away_is_told_and_gets_them_later(
    here: MirroredStore,
    there: MirroredStore,
    bucket: Bucket,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(shared_lines, "PUT_SECONDS", 0.01)
    tried = threading.Event()
    monkeypatch.setattr(bucket, "_require", refusing(bucket, tried))
    bucket.gone_before = "answers/"
    with caplog.at_level(logging.WARNING), here.lines(NAME) as lines:
        lines.append("one\n")
        assert tried.wait(60)
        lines.append("two\n")
        bucket.gone_before = None
    assert "jsonl: 1 of 1 lines are not in the store yet: the store is away" in caplog.text
    assert found(there) == [b"one", b"two"]


def refusing(bucket: Bucket, tried: threading.Event) -> object:
    require = bucket._require

    def told(key: str) -> None:
        try:
            require(key)
        finally:
            tried.set()

    return told


def test_a_bucket_that_stays_away_ends_nothing_and_this_machine_puts_them_next_time(
    here: MirroredStore, there: MirroredStore, bucket: Bucket
) -> None:
    bucket.gone_before = "answers/"
    with here.lines(NAME) as lines:
        lines.append("one\n")
    bucket.gone_before = None
    assert found(there) == []
    assert found(here) == [b"one"], "from the file of this machine; the end of this block puts it"
    assert found(there) == [b"one"]


def test_a_bucket_that_cannot_be_read_at_the_start_is_an_error(
    here: MirroredStore, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(prefix: str = "") -> list[str]:
        raise StoreUnavailable("the store is away")

    monkeypatch.setattr(bucket, "keys", away)
    with pytest.raises(StoreUnavailable, match="the store is away"), here.lines(NAME):
        pass


def test_an_object_that_goes_away_meanwhile_is_no_error(
    here: MirroredStore, bucket: Bucket, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(bucket, "keys", lambda prefix="": [f"{NAME}/gone.jsonl"])
    assert found(here) == []
