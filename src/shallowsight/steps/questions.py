"""A trained model of a study, and what it is asked with."""

from typing import TYPE_CHECKING

from shallowsight.steps.process_task import feature_folders
from shallowsight.store.cells import evaluate_cell, feature_cells, prepare_cell, stage_cell
from shallowsight.store.store import Store
from shallowsight.study.resolved import Resolved
from shallowsight.study.settings import Setting

if TYPE_CHECKING:  # not imported at run time: it needs lmms-eval
    from shallowsight.evaluate.harness import Evaluated


def asked_questions(resolved: Resolved, setting: Setting, seed: int, store: Store) -> "Evaluated":
    """What the evaluation of one setting and seed asks, on this machine, with the answers that are known."""
    from shallowsight.evaluate.harness import Evaluated
    from shallowsight.steps.public_sets import answer_log, sets_here

    experiment = resolved.study.at(setting, seed)
    trained = stage_cell(resolved, setting, seed, "finetune")
    data = store.folder(prepare_cell(resolved))
    folders = feature_folders(feature_cells(resolved, setting), store)
    kept = answer_log(resolved, evaluate_cell(resolved, setting, seed), trained, store)
    return Evaluated(experiment, store.folder(trained), data, folders, sets_here(resolved), kept)
