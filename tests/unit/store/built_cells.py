"""Cells for the tests of stores, and a process that builds one."""

import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

from shallowsight.store.cells import Cell
from shallowsight.store.store import Store

PARENT = Cell(step="prepare", digest="a" * 16)


CHILD = Cell(step="analyze", digest="b" * 16, parents=(PARENT.digest,))


MODEL = Cell(step="finetune", digest="c" * 16, setting="3,8:concat", seed=1)


def make_text(text: str = "content") -> Any:
    def make(out: Path) -> None:
        (out / "sub").mkdir()
        (out / "sub" / "one.txt").write_text(text)
        (out / "two.bin").write_bytes(b"\0" * 1000)

    return make


def never(out: Path) -> None:
    raise AssertionError("made a cell that was whole")


def events(store: Store) -> list[tuple[str, str]]:
    return [(line["event"], line["cell"][0]) for line in store.ledger.events()]


def leftovers(store: Store) -> list[str]:
    return [p.name for p in (store.root / "cells").iterdir() if not p.name.endswith(".lock")]


def child_that_builds(store: Store, body: str) -> "subprocess.Popen[bytes]":
    """A process that builds MODEL in `store`; `make` prints a line and then does what `body` says."""
    code = f"""
import sys, time
from pathlib import Path
from shallowsight.store.cells import Cell
from shallowsight.store.store import Store

def make(out):
    (out / "first").write_text("half")
    print("making", flush=True)
{textwrap.indent(textwrap.dedent(body), "    ")}

Store(Path({str(store.root)!r})).build(Cell.model_validate_json({MODEL.model_dump_json()!r}), make)
"""
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)


def wait_until_making(child: "subprocess.Popen[bytes]") -> None:
    assert child.stdout is not None
    assert child.stdout.readline() == b"making\n"
