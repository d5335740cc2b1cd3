"""Who loses a lease hears of it in time; a short absence of the store loses none."""

import signal
import time
from pathlib import Path

import pytest
from faulty_proxy import FaultyProxy
from leases import HOLD, KEY, Python, line, say, standing
from s3_server import BUCKET

from shallowsight.errors import StoreUnavailable
from shallowsight.store.claim import own_claim
from shallowsight.store.lease import lease
from shallowsight.store.objects.objects import Objects
from shallowsight.store.objects.opening import open_objects


@pytest.mark.slow
def test_a_stopped_holder_notices_that_it_lost(objects: Objects, url: str, python: Python, tmp_path: Path) -> None:
    """Stopped, as a machine that sleeps: the other one takes over, and the first must not go on."""
    code = HOLD.replace(":\n    print", " as held:\n    print").replace(
        "    sys.stdin.readline()",
        '    sys.stdin.readline()\n    print("lost" if held.lost.wait(5) else "has", flush=True)',
    )
    holder = python(code, url, "sleeper", "1")
    assert line(holder) == "holding"
    holder.send_signal(signal.SIGSTOP)
    with lease(objects, KEY, "second", seconds=30, wait=20):
        holder.send_signal(signal.SIGCONT)
        say(holder)
        assert line(holder) == "lost"
        assert line(holder) == "done"
        assert holder.wait(20) == 0
        # Its release left ours alone.
        assert standing(objects).owner == "second"
        assert not standing(objects).released


@pytest.mark.slow
def test_lost_when_somebody_else_wrote(objects: Objects) -> None:
    with lease(objects, KEY, "first", seconds=1.2) as held:
        thief = own_claim("thief", 3, "thief").encoded()
        objects.put_bytes(KEY, thief)
        assert held.lost.wait(1.1)
    assert objects.get_bytes(KEY) == thief


@pytest.mark.slow
def test_lost_when_it_was_removed(objects: Objects) -> None:
    with lease(objects, KEY, "first", seconds=1.2) as held:
        objects.delete(KEY)
        assert held.lost.wait(1.1)
    assert objects.keys() == []


@pytest.mark.slow
def test_outlives_a_short_absence(proxy: FaultyProxy, tmp_path: Path) -> None:
    objects = open_objects(f"s3://{BUCKET}/{tmp_path.name}", patience=10)
    with lease(objects, KEY, "first", seconds=3) as held:
        proxy.first(2, "lost", "PUT")
        time.sleep(2.5)
        assert proxy.count("PUT") >= 4
        assert not held.lost.is_set()
    assert standing(objects).released


@pytest.mark.slow
def test_a_renewal_that_seemed_to_fail_and_did_not(proxy: FaultyProxy, tmp_path: Path) -> None:
    """Done, but no try was answered: the version that we know is no longer the one that stands there."""
    objects = open_objects(f"s3://{BUCKET}/{tmp_path.name}", patience=0)
    with lease(objects, KEY, "first", seconds=3) as held:
        proxy.first(1, "lost", "PUT")
        time.sleep(2.5)
        assert not held.lost.is_set()
        assert standing(objects).renewals >= 2
    assert standing(objects).released


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["drop", pytest.param("silent", marks=pytest.mark.slow)])
def test_lost_when_the_store_stays_away(proxy: FaultyProxy, tmp_path: Path, fault: str) -> None:
    """In time, although a renewal hangs for longer than the lease lasts."""
    objects = open_objects(f"s3://{BUCKET}/{tmp_path.name}", patience=3)
    began = time.monotonic()
    with lease(objects, KEY, "first", seconds=1.5) as held:
        proxy.seconds = 4
        proxy.rule = lambda method, path: fault
        assert held.lost.wait(5)
        assert 1 < time.monotonic() - began < 2.5
        proxy.rule = lambda method, path: None
    assert standing(objects).owner == "first"


def test_no_lease_without_a_store(proxy: FaultyProxy, tmp_path: Path) -> None:
    objects = open_objects(f"s3://{BUCKET}/{tmp_path.name}", patience=0.5)
    proxy.rule = lambda method, path: "drop"
    with pytest.raises(StoreUnavailable), lease(objects, KEY, "first"):
        pass
