"""One holder at a time, whatever happens to it; on a folder and on a real S3 server."""

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from leases import HOLD, KEY, Python, elsewhere, line, say, standing

from shallowsight.errors import ConfigurationError, LeaseHeld
from shallowsight.store import claim as claims
from shallowsight.store.claim import own_claim
from shallowsight.store.lease import lease
from shallowsight.store.objects.objects import Objects

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
    # Seconds, because a busy machine may keep the thread below from its turn for more than a half.
    version, other = elsewhere(objects, "alive", seconds=3), standing(objects)
    stop = threading.Event()

    def renew() -> None:
        nonlocal version, other
        while not stop.wait(0.1):
            other = other.renewed()
            version = objects.replace(KEY, other.encoded(), version) or "gone"

    thread = threading.Thread(target=renew)
    thread.start()
    try:
        with pytest.raises(LeaseHeld), lease(objects, KEY, "second", wait=5):
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


def test_something_else_under_the_key(objects: Objects) -> None:
    objects.put_bytes(KEY, b'{"owner": 1}')
    with pytest.raises(ConfigurationError, match="is not a lease"), lease(objects, KEY, "first"):
        pass
    assert objects.get_bytes(KEY) == b'{"owner": 1}'


@pytest.mark.parametrize("seconds", [0, -1])
def test_a_lease_must_last(objects: Objects, seconds: float) -> None:
    with pytest.raises(ConfigurationError, match="must last"), lease(objects, KEY, "first", seconds=seconds):
        pass
