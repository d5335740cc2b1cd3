"""A study with a seed in reserve through the real command line: it is added, reported, and not trained twice."""

import json
from pathlib import Path

import pytest
from study_runs import QUICK, copy_with, ledger, named, shallowsight, with_set

pytestmark = pytest.mark.slow


# What the quick study has of it.
MADE = ("prepare", "analyze", "encode layer 12", "pretrain 12", "finetune 12", "evaluate 12")


def test_one_seed_claims_nothing_so_the_next_is_added(quick: Path, tmp_path: Path) -> None:
    study = copy_with(quick, tmp_path / "study", *MADE)
    command = ("study", *QUICK, *with_set("settings=penultimate last", "more_seeds=4"), "--out", str(study))
    before = len(ledger(study))
    ended = shallowsight(*command)
    assert ended.status == 0, ended.all
    looks = [line for line in ended.out.splitlines() if line.startswith("look ")]
    assert len(looks) == 2
    assert looks[0].startswith("look 1 of 2, judged at p < 0.025: undecided are 12 in ")
    assert looks[0].endswith("; seed 4 goes to 11, 12")
    assert looks[1].endswith("; no seed is left")
    plan = json.loads((study / "plan.json").read_text())
    assert [[e["seed"] for e in m["experiments"]] for m in plan["members"]] == [[0, 4], [0, 4]]
    report = json.loads((study / "report" / "report.json").read_text())
    assert {t["state"] for m in report["members"] for t in m["trials"]} == {"done"}
    assert any("this is look 2 of at most 2" in c for c in report["caveats"])
    started = [line["cell"] for line in ledger(study)[before:] if line["event"] == "started"]
    assert len(started) == len(set(started)) == 10, "what the first look had trained was reused"

    before = len(ledger(study))
    again = shallowsight(*command)
    assert again.status == 0, again.all
    assert named(ledger(study)[before:], "started") == set()
    assert [line for line in again.out.splitlines() if line.startswith("look ")] == looks
