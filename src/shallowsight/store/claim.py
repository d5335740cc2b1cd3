"""The claim under the key of a lease: who, for how long, and whether that process can be seen to be dead."""

import os
import socket
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shallowsight.errors import ConfigurationError
from shallowsight.store.objects.objects import Objects


class Claim(BaseModel):
    """No two are alike, so that the store's versions tell them apart: `holder` and `renewals` see to that."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    owner: str
    seconds: float = Field(gt=0)
    holder: str  # drawn by chance for each lease
    renewals: int = 0
    released: bool = False
    host: str
    process: int
    processes: str  # where that number means this process; empty if unknown

    @property
    def is_dead(self) -> bool:
        """Certainly so; False says nothing."""
        if not self.processes or self.processes != _processes():
            return False
        try:
            os.kill(self.process, 0)
        except ProcessLookupError:
            return True
        except PermissionError:  # another user's
            return False
        return False

    def renewed(self) -> "Claim":
        return self.model_copy(update={"renewals": self.renewals + 1})

    def done(self) -> "Claim":
        return self.model_copy(update={"released": True})

    def encoded(self) -> bytes:
        return self.model_dump_json().encode()


def own_claim(owner: str, seconds: float, holder: str) -> Claim:
    """Of this process, for so many seconds."""
    return Claim(
        owner=owner,
        seconds=seconds,
        holder=holder,
        host=socket.gethostname(),
        process=os.getpid(),
        processes=_processes(),
    )


def read_claim(objects: Objects, key: str) -> tuple[Claim, str] | None:
    """With its version; None when there is none.

    Raises:
        ConfigurationError: something else is under the key.
    """
    found = objects.version(key)
    if found is None:
        return None
    data, version = found
    try:
        return Claim.model_validate_json(data), version
    except ValidationError:
        raise ConfigurationError(f"{objects.url}/{key} is not a lease; remove it or name another key") from None


def _processes() -> str:
    """Boot and pid namespace: containers may share the name of a host, but not its processes."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:  # not Linux
        return ""
