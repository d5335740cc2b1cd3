"""The saved states of an unfinished stage. A state is complete or does not exist, and fits any number of processes.

A state holds every trained parameter and its moments under the parameter's own name, so that it does not depend on the
number of processes that wrote it. Each process writes a share of the parameters, as safetensors. The manifest is
written last: a state without a manifest does not exist.
"""

import json
import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from shallowsight.data.learning import Point
from shallowsight.errors import CorruptOutput, ShallowsightError
from shallowsight.store.computation import Computation
from shallowsight.store.digest import file_sha256
from shallowsight.store.objects.objects import Objects
from shallowsight.train.loop import UpdateRecord
from shallowsight.train.processes import Processes

log = logging.getLogger(__name__)

MANIFEST = "manifest.json"
KEEP = 2  # the newest state, and the one before it in case the newest is damaged
# A full disk, a store that does not answer, or expired credentials: a training goes on without a saved state.
_FAULTS = (OSError, SafetensorError, ShallowsightError)
_FILE_BYTES = 10**9


@dataclass(frozen=True)
class Saved:
    """A complete state, with its files on this machine."""

    records: tuple[UpdateRecord, ...]  # one for each update that is done
    points: tuple[Point, ...]  # measured so far
    computed: tuple[Computation, ...]  # under which conditions, in their order; several if they changed at a resume
    files: tuple[Path, ...]

    @property
    def updates(self) -> int:
        return len(self.records)

    def tensors(self) -> Iterator[tuple[str, dict[str, Tensor]]]:
        """The tensors that `Engine.state` gave, one parameter after the other."""
        for file in self.files:
            with safe_open(file, framework="pt") as opened:
                kinds: dict[str, list[str]] = defaultdict(list)  # of each parameter: optimizers keep different moments
                for key in sorted(opened.keys()):
                    kind, _, name = key.partition("/")
                    kinds[name].append(kind)
                for name in sorted(kinds):
                    yield name, {kind: opened.get_tensor(f"{kind}/{name}") for kind in kinds[name]}


class SavedStates:
    """All states of one cell."""

    def __init__(self, objects: Objects, prefix: str, processes: Processes, work: Path) -> None:
        """`work` is a folder of this node, which its processes share."""
        self._objects, self._prefix, self._processes = objects, prefix, processes
        self._work = work
        self._unusable: set[str] = set()  # key prefixes of damaged states, which the next `_prune` deletes

    def save(
        self,
        records: Sequence[UpdateRecord],
        points: Sequence[Point],
        computed: Sequence[Computation],
        state: Iterator[tuple[str, dict[str, Tensor]]],
    ) -> bool:
        """Write the state after the last update of `records`; all processes must call this together.

        `points` and `computed` are as in Saved. Returns False, and logs the reason, if the
        disk is full or the store does not answer: the training can go on.
        """
        place = f"{self._prefix}/update-{len(records):08}"
        share = _Share(self._objects, place, self._work, self._processes)
        for name, tensors in state:
            share.add(name, tensors)
        share.flush()
        shares = self._processes.gather((share.digests, share.fault))
        faults = [fault for _, fault in shares if fault]
        if not faults and self._processes.leads:
            files = {name: digest for digests, _ in shares for name, digest in digests.items()}
            faults += self._commit(
                place,
                {
                    "files": files,
                    "records": [asdict(record) for record in records],
                    "points": [point.model_dump() for point in points],
                    "computed": [each.model_dump() for each in computed],
                },
            )
        faults = self._processes.from_leader(faults)
        if faults and self._processes.leads:
            log.warning("the state after update %d was not saved: %s", len(records), faults[0])
        return not faults

    def _commit(self, place: str, manifest: Mapping[str, Any]) -> list[str]:
        try:
            self._objects.put_bytes(f"{place}/{MANIFEST}", json.dumps(manifest).encode())
        except _FAULTS as error:
            return [str(error)]
        self._unusable.discard(place)
        try:
            self._prune()
        except _FAULTS as error:
            log.warning("old training states were not removed: %s", error)
        return []

    def _prune(self) -> None:
        """Delete old states, damaged states, and the files of saves that did not finish."""
        kept = self._places()[-KEEP:]
        for key in self._objects.keys(f"{self._prefix}/update-"):
            if key.rpartition("/")[0] not in kept:
                self._objects.delete(key)

    def newest(self) -> Saved | None:
        """The newest state whose files are all as they were written; all processes must call this together.

        Raises:
            StoreUnavailable: there may be a state, but the store does not answer.
        """
        while True:
            place = self._processes.from_leader(self._newest_place() if self._processes.leads else None)
            if place is None:
                return None
            found, fault = None, None
            if self._processes.leads_node:
                found, fault = self._fetch(place)
            all_found = self._processes.gather((found, fault))
            faults = [fault for _, fault in all_found if fault]
            if not faults:
                return all_found[self._processes.rank - self._processes.local_rank][0]
            if self._processes.leads:
                # The state is not deleted before a newer one is saved: the damage may be on this machine only.
                log.warning("the state %s is not used: %s", place.rpartition("/")[2], faults[0])
                self._unusable.add(place)

    def _fetch(self, place: str) -> tuple[Saved | None, str | None]:
        """The state and None, or None and a sentence that says what is wrong with the state."""
        raw = self._objects.get_bytes(f"{place}/{MANIFEST}")
        try:
            manifest: dict[str, Any] = json.loads(raw or b"")
            records = tuple(UpdateRecord(**record) for record in manifest["records"])
            points = tuple(Point.model_validate(each) for each in manifest["points"])
            computed = tuple(Computation.model_validate(each) for each in manifest["computed"])
            digests: dict[str, str] = manifest["files"]
        except (ValueError, KeyError, TypeError) as error:
            return None, f"its manifest cannot be read ({error})"
        files = []
        for name, digest in digests.items():
            try:
                path = self._objects.fetch(f"{place}/{name}", self._work / "found" / name)
            except CorruptOutput:
                return None, f"{name} is missing"
            if file_sha256(path) != digest:
                return None, f"{name} is not the file that was written"
            files.append(path)
        return Saved(records, points, computed, tuple(files)), None

    def _newest_place(self) -> str | None:
        return max(self._places(), default=None)

    def _places(self) -> list[str]:
        """The key prefixes of the usable states, oldest first; a state without a manifest was never finished."""
        keys = self._objects.keys(f"{self._prefix}/update-")
        places = (key.removesuffix(f"/{MANIFEST}") for key in keys if key.endswith(f"/{MANIFEST}"))
        return sorted(place for place in places if place not in self._unusable)


class _Share:
    """This process's share of a state.

    A fault is stored, not raised, because the other processes still write their shares, and all must do so together.
    """

    def __init__(self, objects: Objects, place: str, work: Path, processes: Processes) -> None:
        self.digests: dict[str, str] = {}
        self.fault: str | None = None
        self._objects, self._place, self._work, self._rank = objects, place, work, processes.rank
        self._loads = [0] * processes.count  # bytes that were assigned to each process so far
        self._held: dict[str, Tensor] = {}

    def add(self, name: str, tensors: Mapping[str, Tensor]) -> None:
        size = sum(tensor.nbytes for tensor in tensors.values())
        owner = self._loads.index(min(self._loads))
        self._loads[owner] += size
        if owner == self._rank and self.fault is None:
            self._held |= {f"{kind}/{name}": t.detach().cpu().contiguous() for kind, t in tensors.items()}
            if sum(tensor.nbytes for tensor in self._held.values()) > _FILE_BYTES:
                self.flush()

    def flush(self) -> None:
        if not self._held or self.fault is not None:
            return
        file = f"part-{self._rank:04}-{len(self.digests):04}.safetensors"
        path = self._work / file
        with ExitStack() as cleanup:
            cleanup.callback(path.unlink, missing_ok=True)
            try:
                self._work.mkdir(parents=True, exist_ok=True)
                save_file(self._held, path)
                self.digests[file] = file_sha256(path)
                self._objects.put_file(f"{self._place}/{file}", path)
            except _FAULTS as error:
                self.fault = str(error)
        self._held = {}
