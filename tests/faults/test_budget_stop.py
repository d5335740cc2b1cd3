"""A budget that is spent in the middle of a training: it saves, nothing lives on, and the next run continues there."""

import json
import math
import shutil
import signal
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from study_runs import QUICK, QUICKER, folder_of, ledger, processes_of, progressed, start, wait_until

from shallowsight.cli import local_run as study
from shallowsight.cli import process_group as group
from shallowsight.cli import session
from shallowsight.cost.forecast import Outlook
from shallowsight.cost.local import Forecast
from shallowsight.errors import Interrupted

pytestmark = pytest.mark.slow

TASKS = ("finetune 6", "finetune 12")
ENDLESS = "finetune.updates=100000"
LONG = 300.0  # seconds; only what is broken takes as long, however busy the machine


def saved_updates(folder: Path) -> dict[str, int]:
    """Of each training, the updates of its newest whole state."""
    names = {line["cell"]: f"{line['step']} {line['setting']}" for line in ledger(folder)}
    newest: dict[str, int] = {}
    for manifest in folder.glob("training_state/*/update-*/manifest.json"):
        name = names[manifest.parts[-3]]
        newest[name] = max(newest.get(name, 0), int(manifest.parent.name.removeprefix("update-")))
    return newest


def beyond(folder: Path, updates: dict[str, int]) -> bool:
    """Whether every training has come further than that."""
    return all(progressed(folder, f"{name} ", done + 1) for name, done in updates.items())


def first_done(folder: Path, name: str) -> int:
    lines = [json.loads(line) for line in (folder / "progress.jsonl").read_text().splitlines()]
    return min(line["done"] for line in lines if line["task"].startswith(f"{name} "))


def test_a_training_is_saved_when_the_budget_is_spent(
    quick: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(shutil.copytree(quick, tmp_path / "study"))
    (folder / "progress.jsonl").unlink(missing_ok=True)
    for name in TASKS:
        shutil.rmtree(folder_of(folder, name))
    # The forecast knows better than to start; this is about what it did not foresee.
    monkeypatch.setattr(session, "outlook", lambda *_: Outlook(Forecast(1.0, 2.0, 0.0), ()))
    # The hour is over when both train, however long that takes to come about; then they have the time that they need.
    both = dict.fromkeys(TASKS, 0)
    clock = SimpleNamespace(monotonic=lambda: math.inf if beyond(folder, both) else time.monotonic())
    monkeypatch.setattr(study, "time", clock)
    monkeypatch.setattr(group, "STOP_SECONDS", LONG)
    with pytest.raises(Interrupted, match=r"^the budget of 1 hour is spent; 6 of 10 cells are whole; the same"):
        session.run("study", "quick", [*QUICKER, ENDLESS], folder, dry_run=False, gpus=0, hours=1.0)
    assert processes_of(folder) == []
    assert not (folder / "tmp").exists()
    saved = saved_updates(folder)
    assert set(saved) == set(TASKS) and all(saved.values())

    # Ctrl-C saves as well, from there on.
    (folder / "progress.jsonl").unlink()
    with start("study", *QUICK, "--set", ENDLESS, "--out", str(folder)) as process:
        wait_until(lambda: beyond(folder, saved), LONG, "both trainings")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=LONG)
    assert process.returncode == 4
    assert err == "shallowsight: stopped; the same command continues with what is missing\n"
    assert processes_of(folder) == []
    for name, done in saved_updates(folder).items():
        assert first_done(folder, name) > saved[name], "the training goes on"
        assert done > saved[name]
