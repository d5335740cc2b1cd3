"""A lease's key, processes that hold it, and whoever else claims it."""

import subprocess
from collections.abc import Callable

from shallowsight.store.claim import Claim, own_claim, read_claim
from shallowsight.store.objects.objects import Objects

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
