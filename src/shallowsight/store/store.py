"""The store of a study in a folder. A cell is complete or does not exist.

Layout: `study.json`, `ledger.jsonl`, `cells/<digest>/{cell.json, ...outputs}`, `report/`.
`cell.json` is written last and lists size and sha256 of every output. The store of a study in a bucket is in
store/mirror.py.
"""

import logging
import os
import platform
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import quote

from shallowsight.errors import ConfigurationError, CorruptOutput, ShallowsightError
from shallowsight.store.cells import Cell
from shallowsight.store.computation import take_note
from shallowsight.store.digest import builds_of, file_sha256
from shallowsight.store.disk import is_full, require_writable, sync, write_whole
from shallowsight.store.ledger import Ledger
from shallowsight.store.lines import Lines
from shallowsight.store.locks import lock_of_cell, only_run_in
from shallowsight.store.record import CellRecord, Output, read_record

log = logging.getLogger(__name__)

CELL = "cell.json"
STUDY = "study.json"
PLAN = "plan.json"
FINISHED = "finished.json"  # of a run in a bucket: written last, when all of its trainings have results


class Store:
    """Cells and ledger of one study in a folder."""

    run = ""  # the name of a pipeline run; empty, because one run at a time uses a folder

    def __init__(self, root: Path) -> None:
        self.root = root
        self.ledger = Ledger(root / "ledger.jsonl")

    @property
    def url(self) -> str:
        return f"file://{quote(str(self.root))}"

    @property
    def name(self) -> str:
        """The store's place, in the form that `--out` takes."""
        return str(self.root)

    def require_own(self) -> None:
        """Raises ConfigurationError for a folder with files that are not a study's, or that cannot be written."""
        require_writable(self.root)
        if self.root.is_dir() and any(self.root.iterdir()) and not (self.root / STUDY).exists():
            raise ConfigurationError(
                f"--out {self.root} holds other files; name a new folder, or one of an earlier study"
            )

    def read_document(self, name: str) -> str | None:
        """`study.json` or `plan.json`; None when there is none."""
        path = self.root / name
        return path.read_text(encoding="utf-8") if path.exists() else None

    def write_document(self, name: str, text: str) -> None:
        write_whole(self.root / name, text)

    def remove_document(self, name: str) -> None:
        (self.root / name).unlink(missing_ok=True)

    def documents_of_runs(self, name: str) -> dict[str, str]:
        """Run -> the text of its document. Empty here: a folder keeps the last study only."""
        return {}

    def of_run(self, run: str) -> "Store":
        """The same store as another run sees it. A folder has one run."""
        return self

    @contextmanager
    def lines(self, name: str) -> Iterator[Lines]:
        """The lines that are kept under a name, by all processes, and a way to append to them during the block."""
        yield Lines(self.root / f"{name}.jsonl")

    def share(self, folder: str) -> None:
        """Make a folder of `root` visible to other machines. Nothing to do here: `root` is the store."""

    @contextmanager
    def view(self, outputs: Sequence[str]) -> Iterator[Path]:
        """A folder with the study's documents, ledger, records, and at least the named outputs of its cells."""
        yield self.root

    def place(self, cell: Cell) -> Path:
        """The folder in which a cell is, or would be."""
        return self.root / "cells" / cell.digest

    def folder(self, cell: Cell) -> Path:
        """The folder to read a cell's outputs from."""
        return self.place(cell)

    def is_whole(self, cell: Cell) -> bool:
        """Whether every output has its recorded size and sha256, and no parent changed since the cell was made."""
        try:
            self.verify(cell)
        except CorruptOutput:
            return False
        return True

    def discard(self, cell: Cell) -> None:
        """Forget a cell, so that it is built again; its files go when the new ones come."""
        (self.place(cell) / CELL).unlink(missing_ok=True)

    def verify(self, cell: Cell) -> None:
        """Raises CorruptOutput, which names the missing or changed file."""
        record = self.record(cell.digest)
        if record is None:
            raise CorruptOutput(f"{cell}: not built yet")
        self._verify_outputs(record)
        if set(record.parents) != set(cell.parents):
            raise CorruptOutput(f"{cell}: its cell.json names other parents")
        for digest, content in record.parents.items():
            parent = self.record(digest)
            # A parent that was rebuilt to the same bytes does not count as changed, and neither does a parent without a
            # record, which is being rebuilt.
            if parent is not None and parent.content != content:
                raise CorruptOutput(f"{cell}: a cell that it reads has changed since")

    def _verify_outputs(self, record: CellRecord) -> None:
        for name, output in record.outputs.items():
            path = self.root / "cells" / record.digest / name
            if not path.is_file():
                raise CorruptOutput(f"{path} is missing")
            if path.stat().st_size != output.size or file_sha256(path) != output.sha256:
                raise CorruptOutput(f"{path} is not the file that was written")

    def record(self, digest: str) -> CellRecord | None:
        """The content of a cell.json, or None when there is none that can be read."""
        path = self.root / "cells" / digest / CELL
        return read_record(digest, path.read_bytes() if path.exists() else None)

    def build(self, cell: Cell, make: Callable[[Path], None]) -> Path:
        """Make a cell unless it is complete, and return its folder.

        `make` fills an empty folder. Of two callers at the same time, one makes the cell, and the other waits.
        """
        return self.build_many([cell], lambda folders: make(folders[cell]))[0]

    def build_many(self, cells: Sequence[Cell], make: Callable[[Mapping[Cell, Path]], None]) -> list[Path]:
        """Like `build`, for cells that are made together; `make` gets empty folders for the cells that are missing."""
        with ExitStack() as locks:
            # All callers lock in the same order, so that two callers cannot wait for each other.
            for cell in sorted(cells, key=lambda c: c.digest):
                locks.enter_context(self._lock(cell))
            missing = [cell for cell in cells if not self._reuse(cell)]
            if missing:
                self._make(missing, make)
        return [self.place(cell) for cell in cells]

    def _reuse(self, cell: Cell) -> bool:
        try:
            self.verify(cell)
        except CorruptOutput as fault:
            if (self.place(cell) / CELL).exists():
                log.warning("%s; building it again", fault)
                self.ledger.append("corrupt", cell, error=fault)
            return False
        self.ledger.append("reused", cell)
        return True

    def _make(self, cells: Sequence[Cell], make: Callable[[Mapping[Cell, Path]], None]) -> None:
        for cell in cells:
            for digest in cell.parents:
                # The record will say that the parents' recorded outputs were read, so they must be intact now.
                self._verify_outputs(self._parent(cell, digest))
        aside = {cell: self.root / "cells" / f".building-{cell.digest}" for cell in cells}
        for cell, folder in aside.items():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            self.ledger.append("started", cell)
        started = time.monotonic()
        try:
            make(aside)
            seconds = (time.monotonic() - started) / len(cells)
            for cell, folder in aside.items():
                self._commit(cell, folder, seconds)
        except BaseException as error:
            full = is_full(self.root)  # before the unfinished cells make room
            for cell, folder in aside.items():
                shutil.rmtree(folder, ignore_errors=True)
                self.ledger.append("failed", cell, time.monotonic() - started, error)
            if isinstance(error, Exception) and full:
                raise ShallowsightError(
                    f"{cells[0]}: the disk of {self.root} is full ({error}); make room, or name another --out; the "
                    "same command continues"
                ) from error
            raise
        for cell in cells:
            self.ledger.append("done", cell, seconds)

    def _commit(self, cell: Cell, aside: Path, seconds: float) -> None:
        computed, outputs = take_note(aside), {}
        for path in sorted(p for p in aside.rglob("*") if p.is_file()):
            sync(path)
            outputs[str(path.relative_to(aside))] = Output(sha256=file_sha256(path), size=path.stat().st_size)
        record = CellRecord(
            digest=cell.digest,
            step=cell.step,
            setting=cell.setting,
            seed=cell.seed,
            parents={digest: self._parent(cell, digest).content for digest in cell.parents},
            outputs=outputs,
            seconds=round(seconds, 3),
            machine={"cores": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()},
            packages=builds_of(*cell.packages),
            computed=computed,
        )
        (aside / CELL).write_text(record.model_dump_json(indent=1), encoding="utf-8")
        sync(aside / CELL)
        shutil.rmtree(self.place(cell), ignore_errors=True)  # a corrupt cell, or a folder without cell.json
        aside.rename(self.place(cell))
        sync(self.place(cell).parent)

    def _parent(self, cell: Cell, digest: str) -> CellRecord:
        record = self.record(digest)
        if record is None:
            raise ShallowsightError(
                f"{cell} reads the cell {digest}, which does not exist; "
                "run the earlier steps first (`shallowsight study` runs all of them)"
            )
        return record

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Allow one local run at a time in a study folder; deletes the unfinished cells of killed runs.

        Raises:
            ShallowsightError: another run uses the folder.
        """
        with only_run_in(self.root):
            yield

    @contextmanager
    def _lock(self, cell: Cell) -> Iterator[None]:
        with lock_of_cell(self.root, cell):
            yield
