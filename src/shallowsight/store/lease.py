"""A lease: among processes on any machines, at most one at a time is the writer of what an object key stands for.

It rests on the store's conditional writes. The clocks of machines need not agree: a lease has run out when another
process has watched it for its whole duration without seeing it renewed.
"""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from shallowsight.errors import ConfigurationError, LeaseHeld, ShallowsightError
from shallowsight.store.claim import Claim, own_claim, read_claim
from shallowsight.store.objects.objects import Objects

log = logging.getLogger(__name__)


@contextmanager
def lease(objects: Objects, key: str, owner: str, seconds: float = 60.0, wait: float = 0.0) -> Iterator["Lease"]:
    """Hold the lease of a key during the block; check `lost` before every action that only the holder may do.

    Args:
        owner: shown to other processes that find the lease held.
        seconds: how long the lease lasts without a renewal, so how long a dead holder keeps others out.
        wait: seconds to wait while another process holds the lease; if it died on another machine, its lease runs
            out after `seconds`, so `wait` should be longer.

    Raises:
        LeaseHeld: another process held the lease for all of `wait`.
        ConfigurationError: the object under the key is not a lease, or `seconds` is not above 0.
        StoreUnavailable: the store does not answer.
    """
    if seconds <= 0:
        raise ConfigurationError(f"a lease must last, got {seconds} s")
    held = _acquire(objects, key, own_claim(owner, seconds, uuid4().hex), wait)
    try:
        yield held
    finally:
        held.release()


class Lease:
    """A lease that this process holds, and that a thread renews until `release`."""

    def __init__(self, objects: Objects, key: str, claim: Claim, version: str, sent: float) -> None:
        self.key = key
        self.lost = threading.Event()  # set when another process may have the lease: the holder must stop
        self._objects = objects
        self._claim = claim
        self._version = version
        self._ends = sent + claim.seconds  # other processes cannot have seen the claim before it was sent
        self._stop = threading.Event()
        self._renewing = threading.Thread(target=self._renew_often, name=f"renew {key}", daemon=True)
        # A second thread watches the time, because one renewal may hang for longer than the lease lasts.
        self._watching = threading.Thread(target=self._watch, name=f"watch {key}", daemon=True)
        self._renewing.start()
        self._watching.start()

    def release(self) -> None:
        """Let the next process have the lease at once. A lease that another process took over stays with it."""
        self._stop.set()
        self._renewing.join(self._claim.seconds)
        if self._renewing.is_alive():
            log.warning("lease %s: not released, because a renewal has no answer yet; it runs out by itself", self.key)
            return
        try:
            # Not deleted: a delete has no condition, and could hit the claim of a process that has just taken over.
            self._objects.replace(self.key, self._claim.done().encoded(), self._version)
        except (ShallowsightError, OSError) as error:
            log.warning("lease %s: not released, it runs out by itself: %s", self.key, error)

    def _renew_often(self) -> None:
        while not self.lost.is_set() and not self._stop.wait(self._claim.seconds / 3):
            try:
                self._renew()
            except (ShallowsightError, OSError) as error:
                log.warning("lease %s: not renewed: %s", self.key, error)

    def _renew(self) -> None:
        sent = time.monotonic()
        claim = self._claim.renewed()
        version = self._objects.replace(self.key, claim.encoded(), self._version)
        if version is not None:
            self._claim, self._version, self._ends = claim, version, sent + claim.seconds
            return
        found = read_claim(self._objects, self.key)
        if found and found[0].holder == claim.holder:
            # An earlier renewal that seemed to fail was carried out by the server.
            self._claim, self._version = found
            return self._renew()
        log.error("lease %s: %s has it now", self.key, found[0].owner if found else "nobody")
        self.lost.set()

    def _watch(self) -> None:
        while not self._stop.wait(max(0.0, self._ends - time.monotonic())):
            if time.monotonic() >= self._ends:
                log.error("lease %s: not renewed for %.0f s", self.key, self._claim.seconds)
                self.lost.set()
                return


def _acquire(objects: Objects, key: str, claim: Claim, wait: float) -> Lease:
    began = time.monotonic()
    watched, since = "", began  # the present version of the lease object, and when this process first saw it
    while True:
        looked = time.monotonic()
        found = read_claim(objects, key)
        if found and found[1] != watched:
            watched, since = found[1], time.monotonic()
        if found is None or found[0].released or found[0].is_dead or looked - since > found[0].seconds:
            sent = time.monotonic()
            version = objects.replace(key, claim.encoded(), found[1]) if found else objects.create(key, claim.encoded())
            if version is not None:
                return Lease(objects, key, claim, version, sent)
            continue  # another process was faster: read its claim
        left = wait - (time.monotonic() - began)
        if left <= 0:
            raise LeaseHeld(_who(f"{objects.url}/{key}", found[0]))
        time.sleep(min(1.0, found[0].seconds / 10, left))


def _who(name: str, other: Claim) -> str:
    return (
        f"{name} is held by {other.owner} (process {other.process} on {other.host}), one process at a time. Wait until "
        f"that process is done; if it died, its lease runs out after {other.seconds:.0f} s"
    )
