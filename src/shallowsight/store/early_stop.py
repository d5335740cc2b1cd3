"""Which evaluations of a study ended early, and which cells it therefore does not need."""

from shallowsight.store.cells import Cell, evaluate_cell, judge_cell, screen_cell
from shallowsight.store.plan import Plan
from shallowsight.store.store import Store
from shallowsight.study.early_stop import SCREEN, Screened, may_end_early
from shallowsight.study.resolved import Resolved
from shallowsight.study.settings import Setting


def ended_early(resolved: Resolved, setting: Setting, seed: int, store: Store) -> bool:
    """Whether one evaluation ended early. One that was finished all the same, by another run, did not."""
    if not may_end_early(resolved.study, resolved.tower.depth, setting):
        return False
    screen = screen_cell(resolved, setting, seed)
    if not store.is_whole(screen) or store.is_whole(evaluate_cell(resolved, setting, seed)):
        return False
    return Screened.model_validate_json((store.folder(screen) / SCREEN).read_bytes()).stopped


def needed_cells(plan: Plan, resolved: Resolved, store: Store) -> list[Cell]:
    """Every cell that the study needs, parents before children.

    In the place of an evaluation that ended early stands the cell that says so.
    """
    instead: dict[Cell, list[Cell]] = {}
    for setting in plan.members:
        for seed in resolved.study.seeds_of(setting):
            if ended_early(resolved, setting, seed, store):
                instead[evaluate_cell(resolved, setting, seed)] = [screen_cell(resolved, setting, seed)]
                instead[judge_cell(resolved, setting, seed)] = []
    return [needed for cell in plan.cells(resolved) for needed in instead.get(cell, [cell])]
