"""A halved study through the real command line: trainings go on from their trunks, and none is made twice."""

import json
import re
from pathlib import Path

import pytest
from study_runs import QUICKER, copy_with, ledger, named, shallowsight, with_set

pytestmark = pytest.mark.slow

# Of the quick study; 16 updates are two rungs of 8.
SAME = tuple(word for word in QUICKER if not word.startswith("finetune."))
WORDS = (
    *SAME,
    "settings=2 4 6 last",
    "halving.eta=2",
    "halving.rungs=2",
    "halving.representatives=false",
    "finetune.schedule=constant_then_decay",
    "finetune.warmup=0",
    "finetune.updates=16",
)


# What halving does not change.
NOT_TRAINED = ("prepare", "analyze", "encode layer 6", "encode layer 12", "pretrain 6", "pretrain 12")


def test_those_that_go_on_continue_and_the_others_end(quick: Path, tmp_path: Path) -> None:
    study = copy_with(quick, tmp_path / "study", *NOT_TRAINED)
    command = ("study", "quick", *with_set(*WORDS), "--out", str(study))
    ended = shallowsight(*command)
    assert ended.status == 0, ended.all
    rungs = [line for line in ended.out.splitlines() if line.startswith("after ")]
    assert len(rungs) == 1 and rungs[0].startswith("after 1/2 of the updates: ")
    # The trunk of half of the updates has 7 of 8.
    log = (study / "pipeline.log").read_text(errors="replace")
    assert "continuing after update 7" in log
    halving = json.loads((study / "report" / "report.json").read_text())["halving"]
    assert halving["counts"][0] == 4 and halving["counts"][-1] < 4
    whole = {s["setting"] for s in halving["settings"] if s["part"] == 1}
    assert "12" in whole and halving["control"] in whole
    started = [line["cell"] for line in ledger(study) if line["event"] == "started"]
    assert len(started) == len(set(started))

    before = len(ledger(study))
    again = shallowsight(*command)
    assert again.status == 0, again.all
    assert named(ledger(study)[before:], "started") == set()
    assert [line for line in again.out.splitlines() if line.startswith("after ")] == rungs
    # The whole trainings are those of the same study without halving.
    without = shallowsight("study", "quick", *with_set(*WORDS, "halving.eta=0"), "--out", str(study), "--dry-run")
    assert without.status == 0, without.all
    finetunings = re.findall(r"  (whole|to be made) +finetune (\S+) seed 0$", without.out, re.MULTILINE)
    assert {setting: state == "whole" for state, setting in finetunings} == {
        s: s in whole for s in ("2", "4", "6", "12")
    }
