"""The parts of the model that a stage trains, its source of features, and its output files."""

import json
import logging
from collections.abc import Sequence

import torch
from transformers import PreTrainedTokenizerBase

from shallowsight.data.features import CachedFeatures, FeatureSource, LiveFeatures
from shallowsight.data.learning import LEARNING, Learning
from shallowsight.data.shards import Shards
from shallowsight.data.shortened import SHORTENED
from shallowsight.errors import LossNotFinite
from shallowsight.model.adapters import add_adapters, merge_adapters
from shallowsight.model.checkpoint import load_connector, save_finetuned, save_pretrained
from shallowsight.model.encode import Encoder, PictureEncoder
from shallowsight.model.vlm import VLM
from shallowsight.train.loop import UpdateRecord
from shallowsight.train.process_task import ProcessTask
from shallowsight.train.texts import read_shortened

log = logging.getLogger(__name__)

LOSSES = "losses.jsonl"
# The parts that a stage trains; all other parts are frozen (paper, section C).
_CONNECTING = ("fusion", "connector", "injection")
STAGE_PARTS = {"pretrain": _CONNECTING, "finetune": (*_CONNECTING, "language")}
_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def build_model(task: ProcessTask, tokenizer: PreTrainedTokenizerBase) -> VLM:
    """The model at the start of the stage; only the parts that the stage trains need gradients."""
    stage = task.settings
    torch.manual_seed(task.experiment.seed)
    model = VLM(task.experiment, task.tower, tokenizer, _DTYPES[stage.precision])
    if task.start is not None:
        load_connector(model, task.start)
    for name, part in model.named_children():
        part.requires_grad_(name in STAGE_PARTS[task.stage])
    if stage.lora.rank:
        add_adapters(model.language, stage.lora)
    if stage.checkpointing:
        model.checkpoint_activations()
    for name, part in model.named_children():
        whole = sum(p.numel() for p in part.parameters())
        trained = sum(p.numel() for p in part.parameters() if p.requires_grad)
        log.info("%-10s %12d parameters, %12d trained", name, whole, trained)
    return model.train()  # a language model that is read from files is in evaluation mode


def pictures_for(task: ProcessTask) -> PictureEncoder | None:
    """The tower, or None if features are cached."""
    if task.feature_folders is not None:
        return None
    vision = task.experiment.vision
    return PictureEncoder(vision, task.tower, vision.layers.deepest, task.settings.picture)


def features_for(task: ProcessTask, pictures: PictureEncoder | None) -> FeatureSource:
    """The source of features: the cache if there is one, otherwise the tower."""
    if task.feature_folders is not None:
        return CachedFeatures(task.feature_folders)
    assert pictures is not None
    vision = task.experiment.vision
    return LiveFeatures(
        Encoder(pictures, Shards(task.data)).pixels, lambda pixels: pictures.features(pixels, vision.layers.read)
    )


def leave(
    model: VLM,
    task: ProcessTask,
    tokenizer: PreTrainedTokenizerBase,
    records: Sequence[UpdateRecord],
    learning: Learning,
) -> None:
    """Merge adapters into the weights, and write checkpoint, losses and the list of shortened records to `task.out`.

    A finetuning also leaves what it has learnt.

    Raises:
        LossNotFinite: weights are not finite after the last update.
    """
    if not all(torch.isfinite(p).all() for p in model.parameters() if p.requires_grad):
        raise LossNotFinite("weights are not finite after the last update; try a smaller learning_rate")
    if task.stage == "finetune":
        if task.settings.lora.rank:
            merge_adapters(model.language.float())  # in half precision the sum would round most of them away
        save_finetuned(model, task.experiment, task.tower, tokenizer, task.out)
        (task.out / LEARNING).write_text(learning.model_dump_json(indent=1), encoding="utf-8")
    else:
        # The finetune settings of the experiment are no part of this cell, so the checkpoint must not contain them.
        save_pretrained(model, task.experiment.model_copy(update={"finetune": task.settings}), task.out)
    read_shortened(task).write(task.out / SHORTENED)
    # Without times, because this file must be equal for two equal runs.
    kept = ("update", "loss", "learning_rate", "samples")
    lines = [json.dumps({key: getattr(record, key) for key in kept}) for record in records]
    (task.out / LOSSES).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
