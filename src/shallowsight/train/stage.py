"""One training stage of one experiment: what every process of every launcher runs."""

import json
import logging
from collections.abc import Callable
from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict

from shallowsight.assets.towers import TowerFacts
from shallowsight.config import Experiment, Stage, StageName
from shallowsight.data.batches import Batches
from shallowsight.data.conversation import TEMPLATES, Example, Tokenizer, encode_record
from shallowsight.data.features import CachedFeatures, FeatureSource, LiveFeatures
from shallowsight.data.records import read_jsonl
from shallowsight.data.shards import Shards
from shallowsight.errors import ConfigurationError
from shallowsight.model.checkpoint import load_connector, save_finetuned, save_pretrained
from shallowsight.model.encode import Encoder, PictureEncoder
from shallowsight.model.language import load_tokenizer
from shallowsight.model.vlm import VLM
from shallowsight.train.engine import Engine, join_processes
from shallowsight.train.loop import UpdateRecord, train
from shallowsight.train.schedule import updates_of

log = logging.getLogger(__name__)

LOSSES = "losses.jsonl"
# Which parts a stage trains; everything else is frozen (paper, section C).
STAGE_PARTS = {"pretrain": ("fusion", "connector"), "finetune": ("fusion", "connector", "language")}


class StageJob(BaseModel):
    """Paths in, paths out: all that a training process needs to know."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    experiment: Experiment
    tower: TowerFacts
    stage: StageName
    data: Path  # the prepare cell
    feature_folders: tuple[Path, ...] | None  # one per layer; None: the tower runs on every batch
    start: Path | None  # the pretrain cell
    out: Path
    accumulation: int = 1

    @property
    def settings(self) -> Stage:
        return self.experiment.stage(self.stage)


OnUpdate = Callable[[UpdateRecord, int], None]  # the update and how many there are


def run_stage(job: StageJob, on_update: OnUpdate) -> None:
    """Train and leave the checkpoint and the losses in `job.out`.

    Raises:
        ConfigurationError: no record fits, or the batch does not divide among the processes.
        ShallowsightError: the loss is not finite.
    """
    processes = join_processes()
    experiment, stage = job.experiment, job.settings
    tokenizer = load_tokenizer(str(job.data / "tokenizer"))
    torch.manual_seed(experiment.seed)
    model = VLM(experiment, job.tower.width, tokenizer)
    if job.start is not None:
        load_connector(model, job.start)
    _freeze_all_but(model, STAGE_PARTS[job.stage])
    examples = _examples(job, tokenizer)
    updates = updates_of(stage.updates, stage.epochs, len(examples), stage.global_batch)
    records: list[UpdateRecord] = []
    if updates > 0:
        batches = Batches(examples, _features(job), stage.global_batch, experiment.seed, tokenizer.eos_token_id)
        engine = Engine(model.to(processes.device), stage, processes, job.accumulation)

        def keep(record: UpdateRecord) -> None:
            records.append(record)
            if processes.leads:
                on_update(record, updates)

        train(engine, batches, stage, updates, processes, job.accumulation, keep)
    if processes.leads:
        if job.stage == "finetune":
            save_finetuned(model, experiment, job.tower, tokenizer, job.out)
        else:
            # What comes after is not part of this cell.
            save_pretrained(model, experiment.model_copy(update={"finetune": stage}), job.out)
        _write_losses(records, job.out / LOSSES)


def _freeze_all_but(model: VLM, parts: tuple[str, ...]) -> None:
    for name, part in model.named_children():
        part.requires_grad_(name in parts)
        count = sum(p.numel() for p in part.parameters())
        log.info("%-10s %12d parameters, %s", name, count, "trained" if name in parts else "frozen")


def _examples(job: StageJob, tokenizer: Tokenizer) -> list[Example]:
    template = TEMPLATES[job.settings.template]
    vision, limit = job.experiment.vision, job.experiment.language.max_length
    image_tokens = job.tower.tokens(vision.image_size, vision.pool, vision.features)
    if image_tokens >= limit:
        raise ConfigurationError(
            f"one picture is {image_tokens} tokens, language.max_length is {limit}: raise it, or vision.pool"
        )
    encoded = (
        encode_record(record, template, tokenizer, image_tokens)
        for record in read_jsonl(job.data / f"{job.stage}.jsonl")
    )
    examples = [e.truncated(limit) for e in encoded]
    cut = sum(len(e.ids) == limit for e in examples)
    if cut:
        log.warning("%d of %d records reach language.max_length=%d tokens and may be cut", cut, len(examples), limit)
    usable = [e for e in examples if e.supervised]
    if not usable:
        raise ConfigurationError(f"no record of {job.stage} has an answer within language.max_length={limit} tokens")
    return usable


def _features(job: StageJob) -> FeatureSource:
    if job.feature_folders is not None:
        return CachedFeatures(job.feature_folders)
    layers = job.experiment.vision.layers
    encoder = Encoder(PictureEncoder(job.experiment.vision, job.tower, layers.deepest), Shards(job.data))
    return LiveFeatures(lambda keys: encoder.features(keys, layers.indices))


def _write_losses(records: list[UpdateRecord], path: Path) -> None:
    # Without times: the file is part of what two equal runs must have in common.
    lines = [json.dumps({"update": r.update, "loss": r.loss, "learning_rate": r.learning_rate}) for r in records]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
