"""The evaluation step: lmms-eval over a study's benchmarks."""

from pathlib import Path

from shallowsight.cluster.stop_signal import sigterm_as_interrupt
from shallowsight.observe.progress import Progress
from shallowsight.steps.machine import answering_processes, scratch, share_cores
from shallowsight.steps.process_task import feature_folders
from shallowsight.store.cells import evaluate_cell, feature_cells, prepare_cell, stage_cell
from shallowsight.store.computation import leave_note, this_computation
from shallowsight.store.store import Store
from shallowsight.study.resolved import Resolved
from shallowsight.study.settings import Setting


def evaluate(resolved: Resolved, setting: str, store: Store) -> list[Path]:
    """Run lmms-eval over the benchmarks, for every seed of the setting."""
    parsed = resolved.setting(setting)
    return [_evaluate(resolved, parsed, seed, store) for seed in resolved.study.seeds_of(parsed)]


def _evaluate(resolved: Resolved, setting: Setting, seed: int, store: Store) -> Path:
    experiment = resolved.study.at(setting, seed)
    cell = evaluate_cell(resolved, setting, seed)

    def make(out: Path) -> None:
        from shallowsight.evaluate.harness import Evaluated
        from shallowsight.evaluate.harness import evaluate as run
        from shallowsight.steps.public_sets import answer_log, kept_pictures, sets_here

        processes = answering_processes()
        share_cores(processes)
        leave_note(out, [this_computation(processes)])
        progress = Progress(str(cell))
        progress(0, 1)
        trained = stage_cell(resolved, setting, seed, "finetune")
        data = store.folder(prepare_cell(resolved))
        folders = feature_folders(feature_cells(resolved, setting), store)
        checkpoint, public = store.folder(trained), sets_here(resolved)
        pictures = kept_pictures(resolved, setting, store)
        # SIGTERM, which ends a pod, leaves the time to put the last answers into a bucket.
        with answer_log(resolved, cell, trained, store) as kept, scratch(store) as work, sigterm_as_interrupt():
            run(Evaluated(experiment, checkpoint, data, folders, public, kept, pictures, processes), out, work)
        progress(1, 1)

    store.build(cell, make)
    return store.folder(cell)
