"""The store of a study in a bucket, with a copy on this machine of the cells that this machine makes or reads.

The layout is that of store/store.py, with these differences: `ledger/<process>.jsonl` and
`answers/<digest>/<process>.jsonl`, because one cannot append to an object; `leases/`; and
`runs/<run>/{study,plan}.json` for every pipeline run, because several runs may use one bucket at the same time. A
scheduled run whose trainings all have results leaves `runs/<run>/finished.json`.
"""

import json
import logging
import platform
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from shallowsight.errors import CorruptOutput, LeaseHeld
from shallowsight.store.cells import Cell
from shallowsight.store.digest import file_sha256
from shallowsight.store.lease import Lease, lease
from shallowsight.store.lines import Lines
from shallowsight.store.objects.objects import Objects
from shallowsight.store.record import CellRecord, read_record
from shallowsight.store.shared_ledger import SharedLedger
from shallowsight.store.shared_lines import shared_lines
from shallowsight.store.store import CELL, FINISHED, PLAN, STUDY, Store

log = logging.getLogger(__name__)

FILES = "files.json"  # lists name -> sha256 of a shared folder's files, and is written last
_LEASE = 60.0  # seconds; if a process that builds a cell dies on another machine, the next one begins after this time
_DOCUMENTS = (STUDY, PLAN)


class MirroredStore(Store):
    """A cell exists if it is complete in the bucket; the folder `root` of this machine holds copies.

    With a `run`, the store reads the study and the plan of that pipeline run; without one, those written last.
    """

    def __init__(self, objects: Objects, root: Path, run: str = "") -> None:
        super().__init__(root)
        self._objects = objects
        self.run = run
        self._held: dict[str, Lease] = {}
        self.ledger = SharedLedger(root / "ledger.jsonl", objects)

    @property
    def url(self) -> str:
        return self._objects.url

    @property
    def name(self) -> str:
        return self.url

    def require_own(self) -> None:
        """Nothing to check: the prefix of a bucket may hold other objects too."""

    def read_document(self, name: str) -> str | None:
        data = self._objects.get_bytes(self._keys(name)[0])
        return None if data is None else data.decode()

    def write_document(self, name: str, text: str) -> None:
        for key in self._keys(name):
            self._objects.put_bytes(key, text.encode())

    def remove_document(self, name: str) -> None:
        for key in self._keys(name):
            self._objects.delete(key)

    def documents_of_runs(self, name: str) -> dict[str, str]:
        keys = [key for key in self._objects.keys("runs/") if key.rpartition("/")[2] == name]
        found = {key.split("/")[1]: self._objects.get_bytes(key) for key in keys}
        return {run: data.decode() for run, data in found.items() if data is not None}

    def of_run(self, run: str) -> Store:
        return MirroredStore(self._objects, self.root, run)

    def _keys(self, name: str) -> list[str]:
        """The object keys of a document: first the key of this run, then the key of the document written last."""
        if self.run and name == FINISHED:
            return [f"runs/{self.run}/{name}"]
        return [f"runs/{self.run}/{name}", name] if self.run and name in _DOCUMENTS else [name]

    @contextmanager
    def lines(self, name: str) -> Iterator[Lines]:
        with shared_lines(self._objects, name, self.root / f"{name}.jsonl") as lines:
            yield lines

    def share(self, folder: str) -> None:
        own = self.root / folder
        names = [str(path.relative_to(own)) for path in sorted(own.rglob("*")) if path.is_file()]
        listed = {name: file_sha256(own / name) for name in names}
        # Two runs that end at the same time must not mix their files.
        owner = f"{folder} on {platform.node()}"
        with lease(self._objects, f"leases/{folder}", owner, _LEASE, wait=float("inf")) as held:
            for name in names:
                self._objects.put_file(f"{folder}/{name}", own / name)
                if held.lost.is_set():
                    raise LeaseHeld(f"{self.url}/{folder}: another run writes there; run the same command again")
            self._objects.put_bytes(f"{folder}/{FILES}", json.dumps(listed, indent=1).encode())

    @contextmanager
    def view(self, outputs: Sequence[str]) -> Iterator[Path]:
        self.root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.root, prefix=".view-") as temporary:
            folder = Path(temporary)
            for key in self._objects.keys("cells/"):
                if key.rpartition("/")[2] == CELL:
                    self._copy_small(key, outputs, folder)
            for name in _DOCUMENTS:
                if (text := self.read_document(name)) is not None:
                    (folder / name).write_text(text, encoding="utf-8")
            lines = [line for key in self._objects.keys("ledger/") for line in self._lines(key)]
            # Sorting orders the events by time: every line begins with its time in the same format.
            (folder / "ledger.jsonl").write_text("".join(f"{line}\n" for line in sorted(lines)), encoding="utf-8")
            yield folder

    def _lines(self, key: str) -> list[str]:
        return (self._objects.get_bytes(key) or b"").decode().splitlines()

    def _copy_small(self, key: str, outputs: Sequence[str], folder: Path) -> None:
        place = key.removesuffix(f"/{CELL}")
        record = self.record(place.removeprefix("cells/"))
        if record is None:
            return
        (folder / place).mkdir(parents=True)
        (folder / place / CELL).write_text(record.model_dump_json(), encoding="utf-8")
        for name in set(outputs) & set(record.outputs):
            (folder / place / name).parent.mkdir(exist_ok=True)
            (folder / place / name).write_bytes(self._objects.get_bytes(f"{place}/{name}") or b"")

    def folder(self, cell: Cell) -> Path:
        """The folder of the cell's copy; copies the cell to this machine if it has none.

        Raises:
            CorruptOutput: a file in the bucket is not the file that was written.
        """
        record = self.record(cell.digest)
        if record is not None:
            with Store._lock(self, cell):  # another process of this machine may be copying the cell
                self._bring(record, self.place(cell))
        return self.place(cell)

    def discard(self, cell: Cell) -> None:
        super().discard(cell)
        self._objects.delete(f"cells/{cell.digest}/{CELL}")

    def record(self, digest: str) -> CellRecord | None:
        return read_record(digest, self._objects.get_bytes(f"cells/{digest}/{CELL}"))

    def _verify_outputs(self, record: CellRecord) -> None:
        """Check that every output is in the bucket with its size; the bytes are compared when they are copied here."""
        place = f"cells/{record.digest}/"
        found = {key.removeprefix(place): stamp.size for key, stamp in self._objects.stamps(place)}
        for name, output in sorted(record.outputs.items()):
            if name not in found:
                raise CorruptOutput(f"{self.url}/{place}{name} is missing")
            if found[name] != output.size:
                raise CorruptOutput(f"{self.url}/{place}{name} is not the file that was written")

    def _bring(self, record: CellRecord, place: Path) -> None:
        if self._has_copy(record):
            return
        log.info("copying %s %s from %s", record.step, record.setting or "", self.url)
        aside = place.with_name(f".bringing-{record.digest}")
        shutil.rmtree(aside, ignore_errors=True)
        try:
            for name, output in record.outputs.items():
                (aside / name).parent.mkdir(parents=True, exist_ok=True)
                self._bring_file(f"cells/{record.digest}/{name}", aside / name, output.sha256)
            aside.mkdir(parents=True, exist_ok=True)
            (aside / CELL).write_text(record.model_dump_json(indent=1), encoding="utf-8")
            shutil.rmtree(place, ignore_errors=True)
            aside.rename(place)
        except CorruptOutput:
            current = self.record(record.digest)
            if current is not None and current != record:  # another process has built the cell again meanwhile
                return self._bring(current, place)
            self._objects.delete(f"cells/{record.digest}/{CELL}")  # without its cell.json the cell does not exist
            raise
        finally:
            shutil.rmtree(aside, ignore_errors=True)

    def _bring_file(self, key: str, to: Path, sha256: str) -> None:
        for _ in range(2):  # twice, because the bytes may have been damaged on the way
            found = self._objects.fetch(key, to)
            if file_sha256(found) == sha256:
                if found != to:
                    shutil.copyfile(found, to)
                return
        raise CorruptOutput(f"{self.url}/{key} is not the file that was written; run the same command to make it again")

    def _has_copy(self, record: CellRecord) -> bool:
        local = Store.record(self, record.digest)
        if local is None or local.content != record.content:
            return False
        try:
            Store._verify_outputs(self, local)
        except CorruptOutput as fault:
            log.warning("%s; copying it again", fault)
            return False
        return True

    def _reuse(self, cell: Cell) -> bool:
        own = Store.record(self, cell.digest)
        if self.record(cell.digest) is None and own is not None and self._is_current(own, cell):
            # This machine made the cell earlier, and the bucket became unavailable before it had all files.
            self._push(cell, own)
        return super()._reuse(cell)

    def _is_current(self, own: CellRecord, cell: Cell) -> bool:
        contents = {digest: parent.content for digest in cell.parents if (parent := self.record(digest)) is not None}
        return own.parents == contents and self._has_copy(own)

    def _commit(self, cell: Cell, aside: Path, seconds: float) -> None:
        super()._commit(cell, aside, seconds)
        record = Store.record(self, cell.digest)
        assert record is not None
        self._push(cell, record)

    def _push(self, cell: Cell, record: CellRecord) -> None:
        place = f"cells/{cell.digest}"
        self._require_lease(cell)
        self._objects.delete(f"{place}/{CELL}")  # so that a corrupt cell does not exist while its files are replaced
        for name in record.outputs:
            self._objects.put_file(f"{place}/{name}", self.place(cell) / name)
            self._require_lease(cell)
        self._objects.put_bytes(f"{place}/{CELL}", record.model_dump_json(indent=1).encode())

    def _require_lease(self, cell: Cell) -> None:
        if self._held[cell.digest].lost.is_set():
            raise LeaseHeld(
                f"{cell}: another machine now makes this cell; run the same command again to use its result"
            )

    @contextmanager
    def _lock(self, cell: Cell) -> Iterator[None]:
        owner = f"{cell} on {platform.node()}"
        with (
            super()._lock(cell),
            lease(self._objects, f"leases/{cell.digest}", owner, _LEASE, wait=float("inf")) as held,
        ):
            self._held[cell.digest] = held
            try:
                yield
            finally:
                del self._held[cell.digest]
