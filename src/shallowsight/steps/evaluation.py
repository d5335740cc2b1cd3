"""The evaluation step: lmms-eval over a study's benchmarks."""

from pathlib import Path

from shallowsight.observe.progress import Progress
from shallowsight.steps.machine import scratch
from shallowsight.steps.questions import asked_questions
from shallowsight.steps.screening import screen
from shallowsight.store.cells import evaluate_cell
from shallowsight.store.computation import leave_note, this_computation
from shallowsight.store.store import Store
from shallowsight.study.resolved import Resolved
from shallowsight.study.settings import Setting


def evaluate(resolved: Resolved, setting: str, store: Store) -> list[Path]:
    """Run lmms-eval over the benchmarks, for every seed of the setting.

    The cell of an evaluation that ended early says so, and has no scores.
    """
    parsed = resolved.setting(setting)
    return [
        screen(resolved, parsed, seed, store) or _evaluate(resolved, parsed, seed, store)
        for seed in resolved.study.seeds_of(parsed)
    ]


def _evaluate(resolved: Resolved, setting: Setting, seed: int, store: Store) -> Path:
    cell = evaluate_cell(resolved, setting, seed)

    def make(out: Path) -> None:
        from shallowsight.evaluate.harness import evaluate as run

        progress = Progress(str(cell))
        progress(0, 1)
        with asked_questions(resolved, setting, seed, store) as asked, scratch(store) as work:
            leave_note(out, [this_computation(asked.processes)])
            run(asked, out, work)
        progress(1, 1)

    store.build(cell, make)
    return store.folder(cell)
