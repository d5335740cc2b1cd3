"""The ledger of a study in a bucket: an object for each process, because an object cannot be appended to."""

import logging
import os
import time
from dataclasses import dataclass, field
from uuid import uuid4

from shallowsight.errors import StoreUnavailable
from shallowsight.store.ledger import Ledger
from shallowsight.store.objects.objects import Objects

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SharedLedger(Ledger):
    """The events of this machine in a file, and those of each process in an object of its own."""

    objects: Objects
    key: str = field(default_factory=lambda: f"ledger/{time.time_ns()}-{os.getpid()}-{uuid4().hex[:8]}.jsonl")
    lines: list[str] = field(default_factory=list)

    def _write(self, line: str) -> None:
        super()._write(line)
        self.lines.append(line)
        try:
            self.objects.put_bytes(self.key, "".join(f"{line}\n" for line in self.lines).encode())
        except StoreUnavailable as fault:
            log.warning("an event is not in the store's ledger yet: %s", fault)  # the next one brings it along
