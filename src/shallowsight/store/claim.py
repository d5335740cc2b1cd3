"""The claim stored under the key of a lease: which process holds it, for how long, and whether the process is dead."""

import os
import socket
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shallowsight.errors import ConfigurationError
from shallowsight.store.objects.objects import Objects


class Claim(BaseModel):
    """The content of a lease object. `holder` and `renewals` make every claim's bytes, and so its version, unique."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    owner: str
    seconds: float = Field(gt=0)
    holder: str  # a random id, new for each lease
    renewals: int = 0
    released: bool = False
    host: str
    process: int
    processes: str  # boot id and pid namespace in which `process` is the process id; empty if unknown

    @property
    def is_dead(self) -> bool:
        """True: the holder's process has certainly ended. False: it may live, or this machine cannot see it."""
        if not self.processes or self.processes != _processes():
            return False
        try:
            os.kill(self.process, 0)
        except ProcessLookupError:
            return True
        except PermissionError:  # the process lives and belongs to another user
            return False
        return False

    def renewed(self) -> "Claim":
        return self.model_copy(update={"renewals": self.renewals + 1})

    def done(self) -> "Claim":
        return self.model_copy(update={"released": True})

    def encoded(self) -> bytes:
        return self.model_dump_json().encode()


def own_claim(owner: str, seconds: float, holder: str) -> Claim:
    """A claim of this process that lasts so many seconds."""
    return Claim(
        owner=owner,
        seconds=seconds,
        holder=holder,
        host=socket.gethostname(),
        process=os.getpid(),
        processes=_processes(),
    )


def read_claim(objects: Objects, key: str) -> tuple[Claim, str] | None:
    """The claim under a key and its version; None when there is no object.

    Raises:
        ConfigurationError: the object under the key is not a claim.
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
    """Boot id and pid namespace: two containers may have the same host name and still see different processes."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:  # not Linux
        return ""
