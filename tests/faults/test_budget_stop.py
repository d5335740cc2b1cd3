"""A budget that is spent in the middle of a training: it saves, nothing lives on, and the next run continues there."""

import json
import shutil
import signal
from pathlib import Path

import pytest
from study_runs import folder_of, processes_of, progressed, start, wait_until

from shallowsight import session
from shallowsight.cost.forecast import Outlook
from shallowsight.cost.local import Forecast
from shallowsight.errors import Interrupted

pytestmark = pytest.mark.slow

ENDLESS = "finetune.updates=100000"


def saved_updates(study: Path) -> list[int]:
    """Of every unfinished training, the updates of its newest whole state."""
    newest: dict[str, int] = {}
    for manifest in study.glob("training_state/*/update-*/manifest.json"):
        update = int(manifest.parent.name.removeprefix("update-"))
        newest[manifest.parts[-3]] = max(update, newest.get(manifest.parts[-3], 0))
    return sorted(newest.values())


def test_a_training_is_saved_when_the_budget_is_spent(
    quick: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = Path(shutil.copytree(quick, tmp_path / "study"))
    for name in ("finetune 6", "finetune 12"):
        shutil.rmtree(folder_of(study, name))
    # The forecast knows better than to start; this is about what it did not foresee.
    monkeypatch.setattr(session, "outlook", lambda *_: Outlook(Forecast(1.0, 2.0, 0.0), ()))
    with pytest.raises(Interrupted, match=r"^the budget of 0.03 hours is spent; 6 of 10 cells are whole; the same"):
        session.run("study", "quick", [ENDLESS], study, dry_run=False, gpus=0, hours=0.03)
    assert processes_of(study) == []
    assert not (study / "tmp").exists()
    saved = saved_updates(study)
    assert len(saved) == 2 and all(saved)

    # Ctrl-C saves as well, from there on.
    (study / "progress.jsonl").unlink()
    with start("study", "quick", "--out", str(study), "--set", ENDLESS) as process:
        wait_until(lambda: progressed(study, "finetune", 1), 120, "the training")
        first = min(
            line["done"]
            for line in map(json.loads, (study / "progress.jsonl").read_text().splitlines())
            if line["task"].startswith("finetune")
        )
        assert first > saved[0], "the training goes on"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 4
    assert err == "shallowsight: stopped; the same command continues with what is missing\n"
    assert processes_of(study) == []
    assert saved_updates(study)[0] > saved[0]
