"""A study that is stopped or killed: nothing lives on, and the same command ends where an uninterrupted one does."""

import json
import os
import shutil
import signal
from pathlib import Path

import pytest
from study_runs import (
    QUICK,
    cells,
    contents,
    folder_of,
    ledger,
    named,
    processes_of,
    progressed,
    shallowsight,
    start,
    wait_until,
    with_set,
)

pytestmark = pytest.mark.slow

PATIENCE = 300.0  # seconds, on a machine that is busy with other things


def test_stopped_and_killed_study_ends_like_an_uninterrupted_one(quick: Path, tmp_path: Path) -> None:
    """From nothing, so that it also shows that two runs give the same bytes."""
    study = tmp_path / "study"
    command = ("study", *QUICK, "--out", str(study))

    # Ctrl-C goes to the whole foreground group of the terminal.
    with start(*command) as process:
        wait_until(lambda: progressed(study, "comparing layers", 1), PATIENCE, "the analysis")
        assert processes_of(study)
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 4
    assert err == "shallowsight: stopped; the same command continues with what is missing\n"
    assert processes_of(study) == []
    assert not (study / "tmp").exists()
    assert set(cells(study)) == {"prepare"}

    # Killed outright: nothing of the front-end can clean up.
    with start(*command) as process:
        wait_until(lambda: progressed(study, "finetune", 1), PATIENCE, "the training")
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=PATIENCE)
    wait_until(lambda: processes_of(study) == [], PATIENCE, "the end of the orphans")
    assert {"prepare", "analyze", "encode layer 6", "encode layer 12"} <= set(cells(study))
    # They did not end because they were done.
    assert {"finetune 6", "finetune 12"}.isdisjoint(cells(study))
    before = len(ledger(study))

    ended = shallowsight(*command)
    assert ended.status == 0, ended.all
    assert "prepare" not in named(ledger(study)[before:], "started")
    assert contents(study) == contents(quick)
    left = [p.name for p in (study / "cells").iterdir() if p.name.startswith(".building")]
    assert left == []
    scores = [(folder_of(s, "evaluate 6") / "scores.json").read_text() for s in (study, quick)]
    assert scores[0] == scores[1]


def test_no_process_of_torchrun_survives_a_stop(quick: Path, tmp_path: Path) -> None:
    study = Path(shutil.copytree(quick, tmp_path / "study"))
    for name in ("pretrain 6", "pretrain 12", "finetune 6", "finetune 12"):
        shutil.rmtree(folder_of(study, name))
    training = with_set("finetune.updates=100000", "pretrain.updates=100000")  # never done by themselves
    with start("study", *QUICK, *training, "--out", str(study), "--gpus", "2") as process:
        wait_until(lambda: sum("shallowsight.train" in p for p in processes_of(study)) >= 4, PATIENCE, "the trainers")
        process.send_signal(signal.SIGTERM)  # a scheduler's stop; the same as Ctrl-C
        _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 4, err
    wait_until(lambda: processes_of(study) == [], PATIENCE, "the end of the trainers")


def test_second_run_in_the_same_folder_is_refused(quick: Path, tmp_path: Path) -> None:
    study = Path(shutil.copytree(quick, tmp_path / "study"))
    shutil.rmtree(folder_of(study, "evaluate 6"))
    command = ("study", *QUICK, "--out", str(study))
    with start(*command) as process:
        wait_until(lambda: (study / "tmp").exists(), PATIENCE, "the run")
        refused = shallowsight(*command)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)
    assert refused.status == 1
    assert refused.err.startswith(f"shallowsight: {study} is in use by process {process.pid}; wait for it")
    assert "Traceback" not in refused.all
    # The first one's plan was left alone.
    assert json.loads((study / "study.json").read_text())["study"]["name"] == "quick"
