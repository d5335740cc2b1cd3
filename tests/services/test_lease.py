"""One holder at a time, whatever happens to it; on a folder and on a real S3 server."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from faulty_proxy import FaultyProxy
from s3_server import BUCKET

from shallowsight.errors import ConfigurationError, LeaseHeld, StoreUnavailable
from shallowsight.store import claim as claims
from shallowsight.store.claim import Claim, own_claim, read_claim
from shallowsight.store.lease import lease
from shallowsight.store.objects.objects import Objects
from shallowsight.store.objects.opening import open_objects

KEY = "leases/study"
HOLD = """
import sys
from shallowsight.store.lease import lease
from shallowsight.store.objects.opening import open_objects
with lease(open_objects(sys.argv[1]), "leases/study", sys.argv[2], seconds=float(sys.argv[3])):
    print("holding", flush=True)
    sys.stdin.readline()
print("done", flush=True)
"""
TRY = """
import sys
from shallowsight.errors import LeaseHeld
from shallowsight.store.lease import lease
from shallowsight.store.objects.opening import open_objects
objects = open_objects(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
try:
    with lease(objects, "leases/study", sys.argv[2]):
        print("holding", flush=True)
        sys.stdin.readline()
except LeaseHeld:
    print("refused", flush=True)
"""

Python = Callable[..., "subprocess.Popen[str]"]


def line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout
    return process.stdout.readline().strip() or process.communicate()[1]


def say(process: "subprocess.Popen[str]") -> None:
    assert process.stdin
    process.stdin.write("go\n")
    process.stdin.flush()


def standing(objects: Objects) -> Claim:
    found = read_claim(objects, KEY)
    assert found
    return found[0]


def elsewhere(objects: Objects, owner: str, seconds: float) -> str:
    """A claim of a process on another machine, which nobody renews."""
    other = own_claim(owner, seconds, "other").model_copy(update={"processes": "another boot", "host": "node-7"})
    version = objects.create(KEY, other.encoded())
    assert version
    return version


def test_held_and_released(objects: Objects) -> None:
    with lease(objects, KEY, "first") as held:
        assert held.key == KEY
        assert not held.lost.is_set()
        with pytest.raises(LeaseHeld) as refused, lease(objects, KEY, "second"):
            pass
        for part in (f"{objects.url}/{KEY}", "first", f"process {os.getpid()}", "60 s"):
            assert part in str(refused.value)
        assert refused.value.exit_status == 1
    assert not held.lost.is_set()
    with lease(objects, KEY, "second"):
        assert standing(objects).owner == "second"


def test_released_after_an_error(objects: Objects) -> None:
    with pytest.raises(ZeroDivisionError), lease(objects, KEY, "first"):
        raise ZeroDivisionError
    with lease(objects, KEY, "second"):
        pass


def test_keys_do_not_disturb_each_other(objects: Objects) -> None:
    with lease(objects, "a", "one"), lease(objects, "b", "one"):
        pass


def test_of_eight_racing_threads_one_holds(objects: Objects) -> None:
    start, end = threading.Barrier(8), threading.Barrier(8)

    def race(number: int) -> bool:
        start.wait(20)
        try:
            with lease(objects, KEY, f"racer {number}") as held:
                end.wait(20)
                return not held.lost.is_set()
        except LeaseHeld:
            end.wait(20)
            return False

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(race, range(8))) == [False] * 7 + [True]


@pytest.mark.slow
def test_of_eight_racing_processes_one_holds(objects: Objects, url: str, python: Python) -> None:
    for _ in range(3):  # from nothing, then over what the last holder released
        racers = [python(TRY, url, f"racer {number}") for number in range(8)]
        assert [line(racer) for racer in racers] == ["ready"] * 8
        for racer in racers:
            say(racer)
        said = [line(racer) for racer in racers]
        assert sorted(said) == ["holding"] + ["refused"] * 7
        winner = racers[said.index("holding")]
        assert standing(objects).process == winner.pid
        say(winner)
        assert winner.wait(20) == 0


@pytest.mark.slow
def test_eight_writers_take_turns(objects: Objects) -> None:
    """A counter that is read and written without any condition loses nothing."""
    objects.put_bytes("counter", b"0")

    def count(number: int) -> None:
        with lease(objects, KEY, f"writer {number}", seconds=2, wait=60) as held:
            before = objects.get_bytes("counter")
            assert before is not None
            time.sleep(0.01)
            objects.put_bytes("counter", str(int(before) + 1).encode())
            assert not held.lost.is_set()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(count, range(8)))
    assert objects.get_bytes("counter") == b"8"


@pytest.mark.slow
def test_renewed_for_longer_than_it_lasts(objects: Objects) -> None:
    with lease(objects, KEY, "first", seconds=0.9) as held:
        with pytest.raises(LeaseHeld), lease(objects, KEY, "second", wait=2):
            pass
        assert not held.lost.is_set()
        assert standing(objects).renewals >= 4


@pytest.mark.slow
def test_taken_over_when_nobody_renews(objects: Objects) -> None:
    elsewhere(objects, "dead", seconds=0.6)
    with pytest.raises(LeaseHeld, match=r"dead \(process \d+ on node-7\)"), lease(objects, KEY, "second", wait=0.2):
        pass
    began = time.monotonic()
    with lease(objects, KEY, "second", wait=10):
        assert 0.6 <= time.monotonic() - began < 5
        assert standing(objects).owner == "second"


@pytest.mark.slow
def test_not_taken_over_while_it_changes(objects: Objects) -> None:
    """However it is renewed: what counts is that it does not stand still."""
    version, other = elsewhere(objects, "alive", seconds=0.5), standing(objects)
    stop = threading.Event()

    def renew() -> None:
        nonlocal version, other
        while not stop.wait(0.1):
            other = other.renewed()
            version = objects.replace(KEY, other.encoded(), version) or "gone"

    thread = threading.Thread(target=renew)
    thread.start()
    try:
        with pytest.raises(LeaseHeld), lease(objects, KEY, "second", wait=2):
            pass
    finally:
        stop.set()
        thread.join()
    assert version != "gone"


def test_killed_on_this_machine_is_taken_over_at_once(objects: Objects, url: str, python: Python) -> None:
    holder = python(HOLD, url, "killed", "600")
    assert line(holder) == "holding"
    with pytest.raises(LeaseHeld, match="killed"), lease(objects, KEY, "second"):
        pass
    holder.send_signal(signal.SIGKILL)
    holder.wait(10)
    with lease(objects, KEY, "second"):
        assert standing(objects).owner == "second"


def test_only_a_process_of_ours_is_known_to_be_dead(
    objects: Objects, monkeypatch: pytest.MonkeyPatch, python: Python
) -> None:
    gone = python("")
    gone.wait(10)
    mine = own_claim("x", 1, "x")
    assert not mine.is_dead
    assert mine.model_copy(update={"process": gone.pid}).is_dead
    assert not mine.model_copy(update={"process": 1}).is_dead
    assert not mine.model_copy(update={"process": gone.pid, "processes": "another container"}).is_dead
    monkeypatch.setattr(claims, "_processes", lambda: "")  # another system
    assert not own_claim("x", 1, "x").model_copy(update={"process": gone.pid}).is_dead


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


def test_something_else_under_the_key(objects: Objects) -> None:
    objects.put_bytes(KEY, b'{"owner": 1}')
    with pytest.raises(ConfigurationError, match="is not a lease"), lease(objects, KEY, "first"):
        pass
    assert objects.get_bytes(KEY) == b'{"owner": 1}'


@pytest.mark.parametrize("seconds", [0, -1])
def test_a_lease_must_last(objects: Objects, seconds: float) -> None:
    with pytest.raises(ConfigurationError, match="must last"), lease(objects, KEY, "first", seconds=seconds):
        pass


# A store that is away for a while.


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
