"""Before an evaluation: where the study wishes it, some pictures show whether the setting clearly loses."""

from pathlib import Path

from shallowsight.data.records import read_jsonl
from shallowsight.observe.progress import Progress, notice
from shallowsight.steps.machine import scratch
from shallowsight.steps.questions import asked_questions
from shallowsight.store.cells import evaluate_cell, screen_cell
from shallowsight.store.computation import leave_note, this_computation
from shallowsight.store.early_stop import ended_early
from shallowsight.store.store import Store
from shallowsight.study.early_stop import SCREEN, Screened, may_end_early, usual_choice
from shallowsight.study.resolved import Resolved
from shallowsight.study.settings import Setting


def screen(resolved: Resolved, setting: Setting, seed: int, store: Store) -> Path | None:
    """The folder of the cell that says that an evaluation ends early; None: it is made in full.

    In full, too, where the usual choice is not evaluated yet: settings run in parallel, and none waits for another.
    """
    if not may_end_early(resolved.study, resolved.tower.depth, setting):
        return None
    if not store.is_whole(evaluate_cell(resolved, setting, seed)):
        _make(resolved, setting, seed, store)
    if not ended_early(resolved, setting, seed, store):
        return None
    return store.folder(screen_cell(resolved, setting, seed))


def _make(resolved: Resolved, setting: Setting, seed: int, store: Store) -> None:
    usual = usual_choice(resolved.tower.depth)
    theirs = evaluate_cell(resolved, usual, seed)
    cell = screen_cell(resolved, setting, seed)
    if not store.is_whole(theirs):
        notice(f"{cell}: evaluated in full, because layer {usual} is not evaluated yet")
        return

    def make(out: Path) -> None:
        from shallowsight.evaluate.harness import SAMPLES
        from shallowsight.evaluate.screening import screen as run

        progress = Progress(str(cell))
        progress(0, 1)
        samples = list(read_jsonl(store.folder(theirs) / SAMPLES))
        with asked_questions(resolved, setting, seed, store) as asked, scratch(store) as work:
            leave_note(out, [this_computation(asked.processes)])
            run(asked, str(usual), samples, out, work)
        progress(1, 1)

    store.build(cell, make)
    found = Screened.model_validate_json((store.folder(cell) / SCREEN).read_bytes())
    if found.stopped:
        notice(f"{cell}: stopped after {found.after} of the questions, below layer {usual} in every category")
