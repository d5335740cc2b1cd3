"""One function per box of the pipeline: paths in, cells of the store out. The one seam between boxes and library.

Every step asks the store first, before it imports anything heavy: what is whole is not made again.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from shallowsight.cells import (
    Cell,
    Resolved,
    analyze_cell,
    encode_cell,
    evaluate_cell,
    prepare_cell,
    stage_cell,
)
from shallowsight.cluster_step import train_on_cluster, uses_trainjobs
from shallowsight.config import Experiment, StageName
from shallowsight.data.sources import source_facts
from shallowsight.errors import ConfigurationError, ShallowsightError
from shallowsight.even_batches import require_even_batches
from shallowsight.machine import MEMBERS_AT_ONCE as MEMBERS_AT_ONCE
from shallowsight.machine import scratch, share_cores, use_all_cores
from shallowsight.parameters import gpus_of as gpus_of
from shallowsight.parameters import require_step_gpus
from shallowsight.parameters import words_of as words_of
from shallowsight.plan import Plan, make_plan
from shallowsight.resolve import resolve_experiment as resolve_experiment
from shallowsight.resolve import resolve_study as resolve_study
from shallowsight.services.computation import leave_note, this_computation
from shallowsight.services.progress import Progress, notice
from shallowsight.services.store import STUDY, Store
from shallowsight.services.stores import open_store as open_store
from shallowsight.settings import Setting
from shallowsight.stage_job import feature_folders
from shallowsight.tracking_step import track_setting
from shallowsight.train_step import train_cell

log = logging.getLogger(__name__)

PLAN = "plan.json"


def require_gpus(resolved: Resolved, gpus: object, step_gpus: object) -> None:
    """Of a pipeline's parameters, before anything is made that would be of no use.

    Raises:
        ConfigurationError: one is no number of GPUs, or a batch does not divide among them.
    """
    require_even_batches(resolved.base, gpus_of(gpus))
    require_step_gpus(step_gpus)


def settings_override(settings: Sequence[str]) -> list[str]:
    """What gives a study these settings instead of its own; none: it keeps them."""
    return [f"settings={' '.join(settings)}"] if settings else []


def publish(resolved: Resolved, store: Store) -> None:
    """Make it the study of this store; the plan of another one goes."""
    text = resolved.document()
    if store.read_document(STUDY) != text:
        store.remove_document(PLAN)
    store.write_document(STUDY, text)


def read_resolved(path: str | Path) -> Resolved:
    """The document that `resolve_study` made."""
    return Resolved.model_validate_json(Path(path).read_text(encoding="utf-8"))


def prepare_data(resolved: Resolved, store: Store) -> Path:
    """Data gate, shards, questions, tokenizer.

    Raises:
        DataRefused: the gate found too many bad rows; what it found stays in `validation/` of the store. Or too many
            texts are longer than `language.max_length`.
        ConfigurationError: a file cannot be read, or a benchmark has no questions.
    """
    from shallowsight.data.lengths import require_lengths
    from shallowsight.data.prepare import prepare, require_questions

    cell = prepare_cell(resolved)

    def make(out: Path) -> None:
        progress: dict[str, Progress] = {}

        def show(what: str, done: int, total: int) -> None:
            progress.setdefault(what, Progress(what))(done, total)

        with scratch(store) as work:
            try:
                prepare(resolved.base, out, work, store.root / "validation", show, notice)
            finally:
                store.share("validation")
        data = resolved.base.data
        if any(source_facts(name, data) != facts for name, facts in resolved.sources.items()):
            raise ShallowsightError("the data changed while it was read; run the same command again")

    store.build(cell, make)
    folder = store.folder(cell)
    # What is in the folder depends neither on the benchmarks nor on lengths and templates.
    require_questions(resolved.base.benchmarks, folder)
    vision = resolved.base.vision
    tokens = resolved.tower.tokens(vision.image_size, vision.pool, vision.features)
    require_lengths(resolved.base, tokens, folder)
    return folder


def analyze_layers(resolved: Resolved, store: Store) -> Path:
    """Similarity of the tower's layers on the study's pictures, and their groups."""

    def make(out: Path) -> None:
        from shallowsight.analysis.analyze import analyze
        from shallowsight.data.prepare import training_images
        from shallowsight.data.shards import Shards
        from shallowsight.model.encode import Encoder, PictureEncoder

        use_all_cores()
        leave_note(out, [this_computation(processes=1)])
        data = store.folder(prepare_cell(resolved))
        shards, depth, shape = Shards(data), resolved.tower.depth, resolved.base.finetune.picture
        encoder = Encoder(PictureEncoder(resolved.base.vision, resolved.tower, depth, shape), shards)
        # Training pictures alone: the groups decide what is trained, and the test must not.
        analyze(encoder, depth, training_images(data), out, Progress("comparing layers"))

    return store.build(analyze_cell(resolved), make)


def plan_members(resolved: Resolved, store: Store) -> Plan:
    """Which settings the study trains, now that the groups are known."""
    plan = make_plan(resolved, store.folder(analyze_cell(resolved)))
    store.write_document(PLAN, json.dumps(plan.as_json(resolved), indent=1))
    return plan


def encode_features(resolved: Resolved, settings: Sequence[str], store: Store) -> list[Path]:
    """The features of every layer that a setting uses, each picture read once; nothing where caching does not pay."""
    if not resolved.cache_features:
        log.info("features are not cached: it does not pay for this study")
        return []
    layers = sorted({layer for text in settings for layer in _setting(resolved, text).layers})
    cells = {layer: encode_cell(resolved, layer) for layer in layers}
    facts, vision = resolved.tower, resolved.base.vision

    def make(folders: Mapping[Cell, Path]) -> None:
        from shallowsight.data.shards import Shards
        from shallowsight.model.encode import Encoder, PictureEncoder, encode_layers

        use_all_cores()
        for folder in folders.values():
            leave_note(folder, [this_computation(processes=1)])
        by_layer = {layer: folders[cell] for layer, cell in cells.items() if cell in folders}
        shards = Shards(store.folder(prepare_cell(resolved)))
        encoder = Encoder(PictureEncoder(vision, facts, max(by_layer), resolved.base.finetune.picture), shards)
        tokens = facts.tokens(vision.image_size, vision.pool, vision.features)
        encode_layers(encoder, list(shards.keys()), by_layer, tokens, facts.width, Progress("encoding pictures"))

    return store.build_many(list(cells.values()), make)


def train_stage(
    resolved: Resolved, setting: str, stage: StageName, store: Store, gpus: int = 0, priority: str = "", run: str = ""
) -> list[Path]:
    """One stage of one setting, for every seed of the study; an unfinished one goes on from its last saved state.

    Here or, in a pod of a cluster, by a TrainJob for each seed, which has this priority where there is a queue. What
    has failed there for good is not tried again in the same `run` of a pipeline. 0 `gpus` are one process on a CPU.
    """
    parsed, seeds = _setting(resolved, setting), resolved.study.seeds
    if uses_trainjobs():
        return [train_on_cluster(resolved, parsed, seed, stage, store, gpus, priority, run) for seed in seeds]
    return [train_cell(resolved, parsed, seed, stage, store, max(1, gpus)) for seed in seeds]


def evaluate(resolved: Resolved, setting: str, store: Store) -> list[Path]:
    """lmms-eval over the benchmarks, for every seed of the study."""
    parsed = _setting(resolved, setting)
    cells = [_evaluate(resolved, parsed, seed, store) for seed in resolved.study.seeds]
    track_setting(resolved, parsed, cells, store)
    return cells


def _evaluate(resolved: Resolved, setting: Setting, seed: int, store: Store) -> Path:
    experiment: Experiment = resolved.base.at(setting, seed)
    cell = evaluate_cell(resolved, setting, seed)

    def make(out: Path) -> None:
        from shallowsight.evaluate.harness import evaluate as run

        share_cores()
        leave_note(out, [this_computation(processes=1)])
        progress = Progress(str(cell))
        progress(0, 1)
        checkpoint = store.folder(stage_cell(resolved, setting, seed, "finetune"))
        data = store.folder(prepare_cell(resolved))
        with scratch(store) as work:
            run(experiment, checkpoint, data, feature_folders(resolved, setting, store), out, work)
        progress(1, 1)

    store.build(cell, make)
    return store.folder(cell)


def report(store: Store) -> Path:
    """The report over whatever cells are whole; returns the path of report.html."""
    from shallowsight.report.inputs import OUTPUTS
    from shallowsight.report.write import write_report

    with store.view(OUTPUTS) as study:
        page = write_report(study, store.root / "report")
    store.share("report")
    return page


def _setting(resolved: Resolved, text: str) -> Setting:
    try:
        return Setting.parse(text, resolved.tower.depth)
    except ValueError as error:
        raise ConfigurationError(f"setting {text!r}: {error}") from None
