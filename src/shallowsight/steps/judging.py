"""After an evaluation: a judge decides what no rule did, where the study has one, and the scores are sent on."""

from collections.abc import Sequence
from pathlib import Path

from shallowsight.evaluate.judging import may_help, why_undecided
from shallowsight.observe.progress import Progress, notice
from shallowsight.steps.tracking import track_setting
from shallowsight.store.cells import Cell, evaluate_cell, judge_cell, screen_cell
from shallowsight.store.computation import leave_note, this_computation
from shallowsight.store.early_stop import ended_early
from shallowsight.store.store import Store
from shallowsight.study.resolved import Resolved
from shallowsight.study.settings import Setting

REPLIES = "judge-replies.jsonl"  # in the store: what a judge said is not asked again


def judge(resolved: Resolved, setting: str, store: Store) -> list[Path]:
    """The cells with the final scores of a setting, one for each seed; without a judge those of its evaluation.

    The cell of an evaluation that ended early says so. Then nothing of the setting is sent on: the report compares it
    with no other one, whatever its other seeds scored.

    Raises:
        ConfigurationError: the judge's key or cache cannot be used.
        MissingPackage: httpx2 or tenacity is not installed.
    """
    parsed = resolved.setting(setting)
    cells = [_judge(resolved, parsed, seed, store) for seed in resolved.study.seeds_of(parsed)]
    if not any(ended_early(resolved, parsed, seed, store) for seed in resolved.study.seeds_of(parsed)):
        track_setting(resolved, parsed, cells, store)
    return cells


def ask_again(resolved: Resolved, settings: Sequence[Setting], store: Store) -> None:
    """Forget the cells in which a judge may now decide more, so that the next run asks it again."""
    for setting in settings if resolved.base.judge.ask else ():
        for seed in resolved.study.seeds_of(setting):
            _forget(judge_cell(resolved, setting, seed), store)


def _forget(cell: Cell, store: Store) -> None:
    if store.is_whole(cell) and may_help(store.folder(cell)):
        store.discard(cell)


def _judge(resolved: Resolved, setting: Setting, seed: int, store: Store) -> Path:
    if ended_early(resolved, setting, seed, store):
        return store.folder(screen_cell(resolved, setting, seed))
    evaluated = evaluate_cell(resolved, setting, seed)
    if not resolved.base.judge.ask:
        return store.folder(evaluated)
    cell = judge_cell(resolved, setting, seed)

    def make(out: Path) -> None:
        from shallowsight.evaluate.judge.judge import Asking
        from shallowsight.evaluate.judging import judge as run

        leave_note(out, [this_computation(processes=1)])
        progress = Progress(str(cell))
        progress(0, 1)
        asking = Asking.prepared(resolved.base.judge, store.root / REPLIES)
        assert asking is not None  # a study without a judge ends above
        run(store.folder(evaluated), asking, out)
        progress(1, 1)

    _forget(cell, store)
    store.build(cell, make)
    if why := why_undecided(store.folder(cell)):
        again = "; the same command asks again" if may_help(store.folder(cell)) else ""
        notice(f"{cell}: {why}{again}")
    return store.folder(cell)
