"""The ledger of a study in a bucket: one object for each process, because one cannot append to an object."""

import logging
from dataclasses import dataclass, field

from shallowsight.errors import StoreUnavailable
from shallowsight.store.ledger import Ledger
from shallowsight.store.objects.objects import Objects
from shallowsight.store.shared_lines import object_of_process

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SharedLedger(Ledger):
    """Writes the events to a file of this machine, and those of each process to one object of the bucket."""

    objects: Objects
    key: str = field(default_factory=lambda: f"ledger/{object_of_process()}")
    lines: list[str] = field(default_factory=list)

    def _write(self, line: str) -> None:
        super()._write(line)
        self.lines.append(line)
        try:
            self.objects.put_bytes(self.key, "".join(f"{line}\n" for line in self.lines).encode())
        except StoreUnavailable as fault:
            # The write of the next event sends this one too.
            log.warning("an event is not in the store's ledger yet: %s", fault)
