"""A study with a seed in reserve through the real command line: it is added, reported, and not trained twice."""

import json
from pathlib import Path

import pytest
from study_runs import ledger, named, shallowsight, with_set

pytestmark = pytest.mark.slow

WORDS = (
    "settings=penultimate last",
    "seeds=0",
    "more_seeds=4",
    "data.scenes_train=20",
    "data.scenes_test=24",  # enough pictures for a p-value
    "data.easy_vqa_train=4",
    "data.easy_vqa_test=4",
    "vision.image_size=84",
    "pretrain.updates=1",
    "finetune.updates=2",
)


def test_one_seed_claims_nothing_so_the_next_is_added(tmp_path: Path) -> None:
    study = tmp_path / "study"
    command = ("study", "quick", *with_set(*WORDS), "--out", str(study))
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
    started = [line["cell"] for line in ledger(study) if line["event"] == "started"]
    assert len(started) == len(set(started))  # what the first look had trained was reused

    before = len(ledger(study))
    again = shallowsight(*command)
    assert again.status == 0, again.all
    assert named(ledger(study)[before:], "started") == set()
    assert [line for line in again.out.splitlines() if line.startswith("look ")] == looks
