"""The same training as others do it, in the words of their own libraries.

Both see the very batches that ours does, so that the losses can be compared update by update.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import Dataset, SequentialSampler
from transformers import LlavaConfig, LlavaForConditionalGeneration, Trainer, TrainerCallback, TrainingArguments

from shallowsight.data.conversation import IGNORE, IMAGE, Example, pad_right
from shallowsight.data.examples import Examples
from shallowsight.data.order import batch_indices
from shallowsight.data.shards import Shards
from shallowsight.model.tower.loading import load_encoder
from shallowsight.model.tower.pictures import PictureProcessor
from shallowsight.model.vlm import VLM
from shallowsight.study.experiment import Experiment
from shallowsight.train.schedule import learning_rate

Times = list[tuple[float, float]]  # seconds and loss of every update
PICTURE_ID = 0  # the padding token, which no text has, stands for a picture in transformers' LLaVA


@dataclass(frozen=True)
class Corpus:
    """What every way of training takes."""

    experiment: Experiment
    examples: Examples
    shards: Shards
    end: int  # token id

    @property
    def updates(self) -> int:
        return self.experiment.finetune.updates or 0

    def samples(self) -> Iterator[list[Example]]:
        """The samples of every update."""
        stage = self.experiment.finetune
        for update in range(self.updates):
            indices = batch_indices(len(self.examples), stage.global_batch, self.experiment.seed, update)
            yield [self.examples[number] for number in indices]

    def rate(self, update: int) -> float:
        stage = self.experiment.finetune
        return learning_rate(stage.learning_rate, stage.warmup, update, self.updates)

    def processor(self) -> PictureProcessor:
        vision = self.experiment.vision
        return PictureProcessor(vision.tower, vision.image_size, self.experiment.finetune.picture)


def padded(examples: Sequence[Example], end: int) -> tuple[Tensor, Tensor, Tensor]:
    """ids, mask and labels [B, T], as wide as the longest."""
    ids = torch.tensor(pad_right([e.ids for e in examples], end))
    labels = torch.tensor(pad_right([e.labels for e in examples], IGNORE))
    mask = (torch.arange(ids.shape[1]) < torch.tensor([len(e.ids) for e in examples])[:, None]).long()
    return ids, mask, labels


def public_recipe(corpus: Corpus, model: VLM, checkpointing: bool) -> Times:
    """As the public code trains: the whole tower on every batch, logits at every position, plain AdamW.

    With `checkpointing`, as its scripts have it, activations are computed again for the backward pass.
    """
    layer = corpus.experiment.vision.layers.deepest
    tower = load_encoder(corpus.experiment.vision.tower).eval()
    if checkpointing:
        model.language.activation_checkpointing_enable()
    model.train()
    process = corpus.processor()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1.0, weight_decay=0.0)
    times: Times = []
    for update, examples in enumerate(corpus.samples(), start=1):
        started = time.perf_counter()
        ids, mask, labels = padded(examples, corpus.end)
        pixels = process([corpus.shards.image(e.image) for e in examples if e.image is not None])
        with torch.no_grad():
            features = tower(pixels, output_hidden_states=True).hidden_states[layer][:, 1:]
        embeddings = model.embed([features], ids)
        logits = model.language(inputs_embeds=embeddings, attention_mask=mask, use_cache=False).logits.float()
        loss = F.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), ignore_index=IGNORE)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), corpus.experiment.finetune.clip)
        for group in optimizer.param_groups:
            group["lr"] = corpus.rate(update)
        optimizer.step()
        optimizer.zero_grad()
        times.append((time.perf_counter() - started, loss.item()))
    return times


class _Rows(Dataset[dict[str, Any]]):
    def __init__(self, corpus: Corpus) -> None:
        self._rows = [example for examples in corpus.samples() for example in examples]

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, number: int) -> dict[str, Any]:
        return {"example": self._rows[number]}


class _Clock(TrainerCallback):
    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.losses: list[float] = []
        self._started = 0.0

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        # The batch is made before this: the time since the last update ended counts.
        if not self.seconds:
            self._started = self._started or time.perf_counter()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        now = time.perf_counter()
        self.seconds.append(now - self._started)
        self._started = now

    def on_log(self, *_: Any, logs: dict[str, float], **__: Any) -> None:
        if "loss" in logs:
            self.losses.append(logs["loss"])


class _InOrder(Trainer):
    def _get_train_sampler(self, *_: Any, **__: Any) -> SequentialSampler:
        return SequentialSampler(self.train_dataset)


def as_llava(corpus: Corpus, model: VLM) -> LlavaForConditionalGeneration:
    """The same weights as transformers' own model."""
    tower = load_encoder(corpus.experiment.vision.tower)
    config = LlavaConfig(
        vision_config=tower.config,
        text_config=model.language.config,
        image_token_index=PICTURE_ID,
        vision_feature_layer=corpus.experiment.vision.layers.deepest,
        vision_feature_select_strategy="default",
        projector_hidden_act="gelu",
        tie_word_embeddings=True,
    )
    made = LlavaForConditionalGeneration(config)
    made.model.vision_tower.load_state_dict(tower.state_dict())
    made.model.vision_tower.requires_grad_(False)
    made.model.language_model.load_state_dict(model.language.base_model.state_dict())
    connector = model.connector
    made.model.multi_modal_projector.linear_1.load_state_dict(connector[0].state_dict())  # type: ignore[index]
    made.model.multi_modal_projector.linear_2.load_state_dict(connector[2].state_dict())  # type: ignore[index]
    made.tie_weights()
    return made


def transformers_trainer(corpus: Corpus, model: VLM) -> Times:
    """transformers' Trainer over its LLaVA, as its documentation shows it."""
    process = corpus.processor()

    def collate(rows: list[dict[str, Any]]) -> dict[str, Tensor]:
        examples = [row["example"] for row in rows]
        ids, mask, labels = padded(examples, corpus.end)
        pixels = process([corpus.shards.image(e.image) for e in examples if e.image is not None])
        ids = ids.masked_fill(ids == IMAGE, PICTURE_ID)
        return {"input_ids": ids, "attention_mask": mask, "labels": labels, "pixel_values": pixels}

    clock = _Clock()
    made = as_llava(corpus, model)
    trained = [p for p in made.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1.0, weight_decay=0.0)
    schedule: Callable[[int], float] = lambda step: corpus.rate(step + 1)  # noqa: E731
    trainer = _InOrder(
        made,
        TrainingArguments(
            output_dir="unused",
            per_device_train_batch_size=corpus.experiment.finetune.global_batch,
            max_steps=corpus.updates,
            max_grad_norm=corpus.experiment.finetune.clip,
            logging_steps=1,
            save_strategy="no",
            report_to=[],
            remove_unused_columns=False,
            use_cpu=True,
            disable_tqdm=True,
        ),
        data_collator=collate,
        train_dataset=_Rows(corpus),
        callbacks=[clock],
        optimizers=(optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, schedule)),
    )
    trainer.train()
    return list(zip(clock.seconds, clock.losses, strict=True))
