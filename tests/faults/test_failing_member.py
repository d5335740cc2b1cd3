"""A member that fails leaves the others and the report; the exit status and the message say so."""

import json
import resource
import shutil
from pathlib import Path

import pytest
from study_runs import QUICK, cells, folder_of, ledger, named, shallowsight, with_set

pytestmark = pytest.mark.slow

BIG = "6,12:mmfuser"
LIMIT = 2_150_000  # bytes a file; only what fuses layers with weights of its own is larger


def _small_quota() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, resource.RLIM_INFINITY))


def test_one_member_meets_a_full_disk(quick: Path, tmp_path: Path) -> None:
    study = Path(shutil.copytree(quick, tmp_path / "study"))
    shutil.rmtree(folder_of(study, "evaluate 6"))  # to be made beside the one that fails
    before = len(ledger(study))
    command = ("study", *QUICK, *with_set(f"settings=6 {BIG}"), "--out", str(study))

    ended = shallowsight(*command, before=_small_quota)

    assert ended.status == 1
    assert "Traceback" not in ended.all
    assert f"pretrain {BIG} seed 0: " in ended.err
    assert "File too large" in ended.err
    assert "run the same command again" in ended.err
    assert {"pretrain 6", "finetune 6", "evaluate 6"} <= set(cells(study))
    assert not [name for name in cells(study) if BIG in name]
    assert named(ledger(study)[before:], "failed") == {f"pretrain {BIG}"}
    assert not list((study / "cells").glob(".building-*"))
    # What was finished is shown, and the hole is named.
    assert f"report: {study}/report/report.html" in ended.out
    members = json.loads((study / "report" / "report.json").read_text())["members"]
    states = {m["setting"]: m["trials"][0] for m in members}
    assert states["6"]["state"] == "done"
    assert states["6"]["error"] == ""
    assert "File too large" in states[BIG]["error"]

    kept = (folder_of(study, "evaluate 6") / "cell.json").read_bytes()
    ended = shallowsight(*command)
    assert ended.status == 0, ended.all
    assert f"evaluate {BIG}" in cells(study)
    assert (folder_of(study, "evaluate 6") / "cell.json").read_bytes() == kept
