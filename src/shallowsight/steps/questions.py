"""A trained model of a study, and what it is asked with."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from shallowsight.cluster.stop_signal import sigterm_as_interrupt
from shallowsight.steps.machine import answering_processes, share_cores
from shallowsight.steps.process_task import feature_folders
from shallowsight.store.cells import evaluate_cell, feature_cells, prepare_cell, stage_cell
from shallowsight.store.store import Store
from shallowsight.study.resolved import Resolved
from shallowsight.study.settings import Setting

if TYPE_CHECKING:  # not imported at run time: it needs lmms-eval
    from shallowsight.evaluate.harness import Evaluated


@contextmanager
def asked_questions(resolved: Resolved, setting: Setting, seed: int, store: Store) -> "Iterator[Evaluated]":
    """What the evaluation of one setting and seed asks, on this machine, with the answers that are known.

    The answers that come during the block are kept, whatever ends it.
    """
    from shallowsight.evaluate.harness import Evaluated
    from shallowsight.steps.public_sets import answer_log, kept_pictures, sets_here

    processes = answering_processes()
    share_cores(processes)
    trained, cell = stage_cell(resolved, setting, seed, "finetune"), evaluate_cell(resolved, setting, seed)
    data, checkpoint = store.folder(prepare_cell(resolved)), store.folder(trained)
    folders = feature_folders(feature_cells(resolved, setting), store)
    # SIGTERM, which ends a pod, leaves the time to put the last answers into a bucket.
    with answer_log(resolved, cell, trained, store) as log, sigterm_as_interrupt():
        yield Evaluated(
            experiment=resolved.study.at(setting, seed),
            checkpoint=checkpoint,
            data=data,
            features=folders,
            public=sets_here(resolved),
            log=log,
            pictures=kept_pictures(resolved, setting, store),
            processes=processes,
        )
