"""One training stage of one experiment, as every training process runs it."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from shallowsight.data.batches import Batches, Share
from shallowsight.data.examples import Examples
from shallowsight.data.learning import Learning
from shallowsight.data.loading import Loader
from shallowsight.data.passes import first_passes, more_passes
from shallowsight.errors import OutOfMemory
from shallowsight.model.encode import PictureEncoder
from shallowsight.model.language.language import load_tokenizer
from shallowsight.model.threads import threads_of
from shallowsight.model.vlm import VLM
from shallowsight.store.computation import Computation, leave_note, this_computation
from shallowsight.store.objects.opening import open_objects
from shallowsight.study.image_tokens import feature_tokens
from shallowsight.study.legal import widths_of
from shallowsight.train.efficiency import Meter, costs_of, device_peak
from shallowsight.train.engine import VALUE, Engine
from shallowsight.train.held_out import HeldOut
from shallowsight.train.keeper import Keeper, OnState, stop_request
from shallowsight.train.loop import Trainer, UpdateRecord
from shallowsight.train.measuring import Measuring
from shallowsight.train.parts import build_model, features_for, leave, pictures_for
from shallowsight.train.process_task import ProcessTask
from shallowsight.train.processes import Processes, join_processes, lost_peers
from shallowsight.train.schedule import Schedule, updates_of
from shallowsight.train.state import Saved, SavedStates
from shallowsight.train.texts import read_examples
from shallowsight.train.trunk import newest_trunk, own_trunk
from shallowsight.train.watchdog import Watchdog

log = logging.getLogger(__name__)

OnUpdate = Callable[[UpdateRecord, int], None]  # the update, and the number of updates of the stage


def run_stage(task: ProcessTask, on_update: OnUpdate, on_state: OnState = lambda *_: None) -> None:
    """Train, starting from the newest complete state, and write the checkpoint and the losses to `task.out`.

    `on_update` and `on_state` are called in the first process of each node.

    Raises:
        ConfigurationError: no record fits, or the global batch does not divide among the processes.
        LossNotFinite: training diverged.
        OutOfMemory: a micro-batch does not fit into the memory; the error says whether smaller ones may.
        ShallowsightError: another process has ended.
        Interrupted: SIGTERM or SIGINT arrived; the state was saved.
        StoreUnavailable: the store of the states does not answer.
    """
    processes = join_processes()
    states = None
    if task.states is not None:
        states = SavedStates(open_objects(task.states, task.patience), task.state_key, processes, task.work)
    saved = (states.newest() if states is not None else None) or newest_trunk(task, processes)
    # All processes on all machines use the same number of threads, from the first update to the last, because another
    # number can change the rounding.
    with threads_of(processes.from_leader(saved.computed[-1].threads if saved is not None else task.threads)):
        _run(task, processes, states, saved, on_update, on_state)


def _run(
    task: ProcessTask,
    processes: Processes,
    states: SavedStates | None,
    saved: Saved | None,
    on_update: OnUpdate,
    on_state: OnState,
) -> None:
    tokenizer = load_tokenizer(str(task.data / "tokenizer"))
    examples = read_examples(task, tokenizer, processes)
    stage = task.settings
    schedule = Schedule(stage, updates_of(stage.updates, stage.epochs, len(examples), stage.global_batch))
    updates = schedule.updates
    model = build_model(task, tokenizer)
    if updates == 0:
        if processes.leads:
            leave(model, task, tokenizer, [], Learning())
        return
    pictures = pictures_for(task)
    features = features_for(task, pictures)
    batches = Batches(
        examples,
        features,
        stage.global_batch,
        task.experiment.seed,
        tokenizer.eos_token_id,
        by_length=stage.order == "by_length",
        row_tokens=task.experiment.language.max_length if stage.packed else None,
    )
    with stop_request() as stop:
        meter = _meter(model, task, pictures, processes)
        share = Share(processes.rank, processes.count, _passes(task, examples, processes))
        computed = _computed(share, saved)
        engine = _start(model, task, processes, share.accumulation, saved)
        records, points = (list(saved.records), list(saved.points)) if saved else ([], [])
        at_once = stage.global_batch // (share.processes * share.accumulation)
        held_out = HeldOut.read(task, tokenizer)
        measuring = Measuring(held_out, engine, features, tokenizer.eos_token_id, at_once, processes, points, schedule)
        tell_state: OnState = on_state if processes.leads_node else lambda *_: None
        trunk = own_trunk(task, processes)
        keeper = Keeper(
            engine,
            states,
            trunk,
            schedule,
            processes,
            stop,
            task.save_seconds,
            records,
            points,
            computed,
            tell_state,
        )
        loader = Loader(batches, share, len(records), updates, task.workers)
        trainer = Trainer(engine, batches, features, schedule, task.experiment.seed, processes, meter)
        with (
            Watchdog(task.hang_seconds, processes.count) as watchdog,
            lost_peers(),
            _memory_faults(task, engine, share),
        ):
            measuring.after_update(len(records), watchdog.alive)
            for record in trainer.train(loader, len(records)):
                watchdog.alive()
                if processes.leads_node:
                    on_update(record, updates)
                measuring.after_update(record.update, watchdog.alive)
                keeper.after_update(record)
                watchdog.alive()
        with engine.whole_parameters():
            if processes.leads:
                leave(model, task, tokenizer, keeper.records, measuring.learning)
                leave_note(task.out, computed)


def _meter(model: VLM, task: ProcessTask, pictures: PictureEncoder | None, processes: Processes) -> Meter:
    vision = task.experiment.vision
    widths, patches = widths_of(task.tower, vision.layers), feature_tokens(task.tower, vision)
    costs = costs_of(model, widths, patches, pictures.tower if pictures is not None else None, vision.image_size)
    peaks = processes.gather(device_peak(processes.device, task.settings.precision))
    return Meter(costs, sum(peaks) if all(peaks) else 0.0)


def _passes(task: ProcessTask, examples: Examples, processes: Processes) -> int:
    if task.accumulation is not None:
        return task.accumulation
    own = task.settings.global_batch // processes.count
    return first_passes(own, float(examples.lengths.mean()), processes.device.type == "cpu")


def _computed(share: Share, saved: Saved | None) -> list[Computation]:
    """The conditions under which the updates are computed: one entry, and one more for each change at a resume."""
    own = this_computation(share.processes, share.accumulation)
    before = list(saved.computed) if saved is not None else []
    if before and before[-1] != own and share.rank == 0:
        log.warning("this training began as %s and goes on as %s: the same but for rounding", before[-1], own)
    return before if before and before[-1] == own else [*before, own]


def _start(model: VLM, task: ProcessTask, processes: Processes, accumulation: int, saved: Saved | None) -> Engine:
    if saved is not None:
        log.info("continuing after update %d", saved.updates)
        trained = dict(model.named_parameters())
        for name, tensors in saved.tensors():
            trained[name].data.copy_(tensors[VALUE])
    engine = Engine(model.to(processes.device), task.settings, processes, accumulation)
    if saved is not None:
        engine.restore(saved.updates, saved.tensors())
    return engine


@contextmanager
def _memory_faults(task: ProcessTask, engine: Engine, share: Share) -> Iterator[None]:
    """Turn a lack of memory into OutOfMemory, and free the memory for another try in this process."""
    try:
        yield
    except RuntimeError as error:
        # torch has its own error type for a lack of memory on a GPU only.
        if isinstance(error, torch.OutOfMemoryError) or "DefaultCPUAllocator: can't allocate memory" in str(error):
            engine.release()
            more = more_passes(task.settings.global_batch // share.processes, share.accumulation)
            last = "" if more else "; a micro-batch is one sample already and cannot be smaller"
            raise OutOfMemory(
                f"{task.stage}: no memory for a micro-batch with accumulation={share.accumulation}: {error}{last}", more
            ) from None
        raise
