"""A run around its pipeline: what is whole, how a child is stopped, and how a failure is told."""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shallowsight import steps
from shallowsight.cli import local_run as study
from shallowsight.cli import process_group as group
from shallowsight.cli.local_run import (
    BudgetSpent,
    likely_missing,
    pipeline_arguments,
    progress_file,
    run_pipeline,
    status_of,
)
from shallowsight.errors import ConfigurationError, DataRefused, Interrupted, ShallowsightError
from shallowsight.store.cells import analyze_cell, prepare_cell
from shallowsight.store.plan import make_plan
from shallowsight.store.store import Store
from shallowsight.study.layers import Group
from shallowsight.study.resolved import Resolved


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "study")


@pytest.fixture
def resolve() -> Callable[..., Resolved]:
    return lambda *words: steps.resolve_study("quick", words)


def analyzed(resolved: Resolved, store: Store) -> None:
    """The two shared cells, with an analysis that found three groups."""
    groups = [Group("shallow", (1, 2, 3), 2), Group("middle", tuple(range(4, 10)), 7), Group("deep", (10, 11, 12), 11)]

    def make(out: Path) -> None:
        raw = [{"name": g.name, "layers": g.layers, "representative": g.representative} for g in groups]
        (out / "analysis.json").write_text(json.dumps({"groups": raw}))

    store.build(prepare_cell(resolved), lambda out: (out / "data.json").write_text("{}"))
    store.build(analyze_cell(resolved), make)


def test_before_the_analysis_the_members_are_unknown(store: Store, resolve: Callable[..., Resolved]) -> None:
    status = status_of(resolve("settings=groups"), store)
    assert status.plan is None
    assert [cell.step for cell in status.missing] == ["prepare", "analyze"]
    assert not status.complete


def test_after_the_analysis_the_plan_is_known(store: Store, resolve: Callable[..., Resolved]) -> None:
    resolved = resolve("settings=groups last groups:concat", "seeds=0 1")
    analyzed(resolved, store)
    status = status_of(resolved, store)
    assert status.plan is not None
    assert [str(s) for s in status.plan.members] == ["2", "7", "11", "12", "2,7,11:concat"]
    assert [cell.step for cell in status.whole] == ["prepare", "analyze"]
    assert len(status.missing) == 4 + 5 * 2 * 3  # layers to encode; members, seeds, steps
    assert likely_missing(status) == list(status.missing)


def test_complete_when_every_cell_is_whole(store: Store, resolve: Callable[..., Resolved]) -> None:
    resolved = resolve()
    analyzed(resolved, store)
    cells = make_plan(resolved, store.folder(analyze_cell(resolved))).cells(resolved)
    for cell in cells:
        store.build(cell, lambda out: (out / "analysis.json").write_text("x"))
    assert status_of(resolved, store).complete
    (store.folder(cells[-1]) / "analysis.json").write_text("y")
    damaged = status_of(resolved, store)
    assert not damaged.complete
    assert damaged.missing == (cells[-1],)


@pytest.mark.parametrize(
    ("settings", "members", "layers"),
    [
        pytest.param("6 last", 2, 2, id="known"),
        pytest.param("groups", 3, 3, id="one of each of three groups"),
        pytest.param("groups groups:concat", 4, 3, id="and their fusion"),
        pytest.param("last 12", 1, 1, id="the same twice"),
    ],
)
def test_likely_cost_before_the_analysis(
    store: Store, resolve: Callable[..., Resolved], settings: str, members: int, layers: int
) -> None:
    missing = likely_missing(status_of(resolve(f"settings={settings}"), store))
    assert sum(cell.step == "evaluate" for cell in missing) == members
    assert sum(cell.step == "encode" for cell in missing) == layers


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("demo", "demo", id="a name stays"),
        pytest.param("mine.yaml", "{here}/mine.yaml", id="a file by its whole path"),
        pytest.param("../x/mine.yml", "{above}/x/mine.yml", id="dots are gone"),
    ],
)
def test_arguments_of_the_pipeline(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, expected: str
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert pipeline_arguments("study", name, ["seeds=1"], store, 2) == {
        "study": expected.format(here=tmp_path / "here", above=tmp_path),
        "overrides": ["seeds=1"],
        "store": f"file://{store.root}",
        "gpus": "2",  # text: a number never reaches a pod's limits
    }


def test_text_that_the_runner_rewrites_is_refused(store: Store) -> None:
    with pytest.raises(ConfigurationError, match="rewrites the text"):
        pipeline_arguments("study", "demo", ["name=python3"], store, 0)


# --- A stand-in for the pipeline process: what a real one does is shown end to end --------------------------------


@pytest.fixture
def pipeline(tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Runs Python code as the pipeline's process; `ROOT` is the store, `cell` a cell of it."""

    def run(body: str, watch: Callable[[], None] = lambda: None, **more: Any) -> None:
        script = tmp_path / "pipeline"
        head = (
            f"#!{sys.executable}\nimport json, os, subprocess, sys, time\nfrom pathlib import Path\n"
            f"from shallowsight.store.cells import Cell\nfrom shallowsight.store.store import Store\n"
            f"from shallowsight import errors\nstore = Store(Path({str(store.root)!r})); ROOT = store.root\n"
            "cell = Cell(step='finetune', digest='c' * 16, setting='6', seed=1)\n"
        )
        script.write_text(head + body)
        script.chmod(0o755)
        monkeypatch.setattr(study.sys, "executable", str(script))
        try:
            run_pipeline("layer_study", {"study": "quick"}, store, watch, **more)
        finally:
            monkeypatch.undo()

    return run


def test_success_cleans_up_and_watches(pipeline: Callable[..., None], store: Store) -> None:
    (store.root / "kfp" / "old").mkdir(parents=True)
    seen = []

    def watch() -> None:
        seen.append((store.root / "tmp").exists())

    pipeline(
        "assert os.environ['TMPDIR'] == str(ROOT / 'tmp' / f'run-{os.getppid()}')\n"
        "assert os.environ['SHALLOWSIGHT_PROGRESS'] == str(ROOT / 'progress.jsonl')\n"
        "assert os.environ['SHALLOWSIGHT_MEMBERS_AT_ONCE'] == '2'\n"
        "assert sys.argv[1:5] == ['-m', 'shallowsight.cluster.kubeflow.pipelines', 'layer_study', str(ROOT / 'kfp')]\n"
        "assert sys.argv[5] == ''\n"
        "assert json.loads(sys.argv[6]) == {'study': 'quick'}\n"
        "assert not (ROOT / 'kfp').exists()\n"
        "assert os.getpgrp() == os.getpid()\n"
        "print('said'); time.sleep(0.5)\n",
        watch,
    )
    assert seen[0] is True
    assert seen[-1] is False  # once more at the very end
    assert not (store.root / "tmp").exists()
    assert (store.root / "pipeline.log").read_text() == "said\n"


BOOM = "def make(out): raise {error}\ntry: store.build(cell, make)\nexcept Exception: sys.exit(1)\n"


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        pytest.param("errors.DataRefused('3 rows are bad')", DataRefused, "3 rows are bad", id="data"),
        pytest.param("errors.ConfigurationError('no questions')", ConfigurationError, "no questions", id="usage"),
        pytest.param("errors.MissingPackage('x', 'train')", ConfigurationError, r"shallowsight\[train\]", id="package"),
        pytest.param("ValueError('loss is nan')", ShallowsightError, "loss is nan", id="other"),
        pytest.param("OSError(28, 'No space left')", ShallowsightError, "No space left", id="disk"),
    ],
)
def test_failed_cell_is_named(
    pipeline: Callable[..., None], store: Store, error: str, kind: type[ShallowsightError], says: str
) -> None:
    with pytest.raises(ShallowsightError, match=f"finetune 6 seed 1: .*{says}") as found:
        pipeline(BOOM.format(error=error))
    assert type(found.value) is kind
    assert f"run the same command again: complete cells stay. Log: {store.root}/pipeline.log" in str(found.value)


def test_failures_of_earlier_runs_are_not_told_again(pipeline: Callable[..., None]) -> None:
    with pytest.raises(ShallowsightError, match="first"):
        pipeline(BOOM.format(error="ValueError('first')"))
    with pytest.raises(ShallowsightError) as found:
        pipeline(BOOM.format(error="ValueError('second')"))
    assert "second" in str(found.value)
    assert "first" not in str(found.value)


def test_all_failed_members_are_named(pipeline: Callable[..., None]) -> None:
    other = "cell = cell.model_copy(update={'digest': 'd' * 16, 'setting': '12'})\n"
    once = BOOM.replace("sys.exit(1)", "pass")
    with pytest.raises(ShallowsightError, match="finetune 6 seed 1: one; finetune 12 seed 1: two"):
        pipeline(once.format(error="ValueError('one')") + other + BOOM.format(error="ValueError('two')"))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        pytest.param("shallowsight.errors.ConfigurationError: no such thing", ConfigurationError, id="usage"),
        pytest.param("TypeError: two were given", ShallowsightError, id="bug"),
    ],
)
def test_failure_outside_of_any_cell(pipeline: Callable[..., None], error: str, kind: type[ShallowsightError]) -> None:
    what = "no such thing" if kind is ConfigurationError else f"the pipeline failed outside of any cell: {error}"
    with pytest.raises(ShallowsightError, match=what) as found:
        pipeline(
            f"print('    Traceback (most recent call last):\\n    {error}\\n    RuntimeError: later'); sys.exit(1)"
        )
    assert type(found.value) is kind


def test_failure_without_a_word(pipeline: Callable[..., None]) -> None:
    with pytest.raises(ShallowsightError, match="no reason in the log"):
        pipeline("sys.exit(7)")


def test_failure_with_a_torn_ledger(pipeline: Callable[..., None]) -> None:
    torn = "(ROOT / 'ledger.jsonl').open('a').write('{\"event\": \"sta')\n"
    with pytest.raises(ShallowsightError, match="finetune 6 seed 1: late"):
        pipeline(torn + BOOM.format(error="ValueError('late')"))


STUBBORN = (
    "import signal\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "deaf = 'import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(20)'\n"
    "step = subprocess.Popen([{python!r}, '-c', deaf])\n"
    "(ROOT / 'pids').write_text(f'{{os.getpid()}} {{step.pid}}')\n"
    "time.sleep(20)\n"
)


def _alive(pid: int) -> bool:
    stat = Path("/proc", str(pid), "stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stop_ends_every_process(
    pipeline: Callable[..., None], store: Store, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    """Also a step that does not listen to SIGTERM."""
    monkeypatch.setattr(group, "STOP_SECONDS", 0.5)
    before = signal.getsignal(signal.SIGTERM)

    def stop() -> None:
        while not (store.root / "pids").exists() or len((store.root / "pids").read_text().split()) < 2:
            time.sleep(0.02)
        time.sleep(0.2)
        os.kill(os.getpid(), number)

    began = time.monotonic()
    stopper = threading.Thread(target=stop)
    stopper.start()
    with pytest.raises(Interrupted, match="the same command continues"):
        pipeline(STUBBORN.format(python=sys.executable))
    stopper.join()
    assert time.monotonic() - began < 15  # not by waiting for their own end
    pids = [int(pid) for pid in (store.root / "pids").read_text().split()]
    end = time.monotonic() + 5
    while any(map(_alive, pids)):
        assert time.monotonic() < end
        time.sleep(0.02)
    assert not (store.root / "tmp").exists()
    assert signal.getsignal(signal.SIGTERM) is before
    with store.exclusive():  # free for the next run
        pass


# A step that needs a second to save, below a pipeline that the same signal ends at once.
SAVES = """
import pathlib, signal, sys, time
def save(*_):
    time.sleep(1)
    pathlib.Path(sys.argv[1], "saved").touch()
    sys.exit()
signal.signal(signal.SIGTERM, save)
pathlib.Path(sys.argv[1], "ready").touch()
time.sleep(60)
"""
SAVING = f"subprocess.Popen([{sys.executable!r}, '-c', {SAVES!r}, str(ROOT)])\ntime.sleep(60)\n"


@pytest.mark.slow
def test_a_stop_waits_for_a_step_that_saves(pipeline: Callable[..., None], store: Store) -> None:
    said: list[str] = []

    def watch() -> None:
        if (store.root / "ready").exists():
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Interrupted, match="the same command continues") as found:
        pipeline(SAVING, watch, say=said.append)
    assert not isinstance(found.value, BudgetSpent)
    assert (store.root / "saved").exists()
    assert said == ["stopping; running trainings save their states, for at most 30 seconds"]


@pytest.mark.slow
def test_a_spent_budget_stops_like_a_signal(pipeline: Callable[..., None], store: Store) -> None:
    said: list[str] = []
    began = time.monotonic()
    with pytest.raises(BudgetSpent):
        pipeline(SAVING, seconds=4.0, say=said.append)
    assert 4 < time.monotonic() - began < 20
    assert (store.root / "saved").exists()
    assert len(said) == 1
    assert not (store.root / "tmp").exists()


def test_a_pipeline_within_its_budget_is_not_stopped(pipeline: Callable[..., None]) -> None:
    pipeline("time.sleep(0.5)", seconds=60.0, say=lambda _: pytest.fail("it was stopped"))


def test_an_error_of_the_display_stops_the_pipeline(pipeline: Callable[..., None], store: Store) -> None:
    def watch() -> None:
        if (store.root / "pids").exists():
            raise RuntimeError("cannot draw")

    with pytest.raises(RuntimeError, match="cannot draw"):
        pipeline("(ROOT / 'pids').write_text(str(os.getpid())); time.sleep(60)", watch)
    assert not _alive(int((store.root / "pids").read_text()))


def test_what_a_killed_run_left_is_swept_and_a_step_at_work_is_not(pipeline: Callable[..., None], store: Store) -> None:
    for name in ("run-1", "tmpofastep"):
        (store.root / "tmp" / name).mkdir(parents=True)
    pipeline("")
    assert [p.name for p in (store.root / "tmp").iterdir()] == ["tmpofastep"]


def test_progress_file_is_in_the_study(store: Store) -> None:
    assert progress_file(store) == store.root / "progress.jsonl"


def test_groups_are_read_from_the_analysis(store: Store, resolve: Callable[..., Resolved]) -> None:
    resolved: Any = resolve("settings=groups")
    analyzed(resolved, store)
    assert [str(s) for s in steps.plan_members(resolved, store).members] == ["2", "7", "11"]
    assert [m["roles"] for m in json.loads((store.root / "plan.json").read_text())["members"]] == [
        ["shallow representative"],
        ["middle representative"],
        ["deep representative"],
    ]
