"""Of many that write one object one wins, and who reads it sees no half; on a folder and on a real S3 server."""

import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from shallowsight.store.objects.objects import Objects


def test_create_and_replace_keep_their_condition(objects: Objects) -> None:
    first = objects.create("lock", b"1")
    assert first is not None
    assert objects.create("lock", b"2") is None
    assert objects.version("lock") == (b"1", first)
    second = objects.replace("lock", b"2", first)
    assert second not in (None, first)
    assert objects.replace("lock", b"3", first) is None
    assert objects.get_bytes("lock") == b"2"
    objects.put_bytes("lock", b"4")
    assert objects.replace("lock", b"5", str(second)) is None
    objects.delete("lock")
    assert objects.replace("lock", b"6", str(second)) is None
    assert objects.create("lock", b"7") is not None


RACE = """
import sys
from shallowsight.store.objects.opening import open_objects
url, name, version = sys.argv[1:]
objects = open_objects(url)
print("ready", flush=True)
sys.stdin.readline()
for number in range(10):
    made = objects.create(f"race/{number}", name.encode())
    print("won" if made else "lost")
taken = objects.replace("shared", name.encode(), version)
print("won" if taken else "lost")
"""


@pytest.mark.slow
def test_of_racing_processes_one_wins(
    objects: Objects, url: str, python: Callable[..., "subprocess.Popen[str]"]
) -> None:
    version = objects.create("shared", b"start")
    assert version is not None
    racers = [python(RACE, url, f"racer {number}", version) for number in range(4)]
    for racer in racers:
        assert racer.stdout and racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin
        racer.stdin.write("go\n")
        racer.stdin.flush()
    results = [racer.communicate(timeout=60)[0].split() for racer in racers]
    assert [[result[n] for result in results].count("won") for n in range(11)] == [1] * 11
    for n in range(10):
        winner = next(i for i, result in enumerate(results) if result[n] == "won")
        assert objects.get_bytes(f"race/{n}") == f"racer {winner}".encode()


def test_readers_never_see_half(objects: Objects) -> None:
    """While writers replace it, an object is always one of the wholes."""
    wholes = {bytes([letter]) * 300_000 for letter in b"abc"}
    objects.put_bytes("key", b"a" * 300_000)
    stop = threading.Event()

    def write(data: bytes) -> None:
        while not stop.is_set():
            objects.put_bytes("key", data)

    with ThreadPoolExecutor(3) as pool:
        for data in wholes:
            pool.submit(write, data)
        try:
            seen = [objects.get_bytes("key") in wholes for _ in range(40)]
        finally:
            stop.set()
    assert all(seen)
