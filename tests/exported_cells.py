"""Tiny models as a finetune cell leaves them, pictures and questions for them, and what they answer themselves."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from shallowsight.data.conversation import TEMPLATES, prompt_ids
from shallowsight.model.checkpoint import load_trained, save_finetuned
from shallowsight.model.encode import PictureEncoder
from shallowsight.model.tower.facts import describe
from shallowsight.model.tower.tower import features_of
from shallowsight.model.vlm import VLM
from shallowsight.study.experiment import Experiment

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

LONGEST = 8  # tokens of an answer
Turns = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Asked:
    """A question, its picture and the turns before it."""

    question: str
    picture: Path | None
    earlier: Turns = ()


def write_cell(experiment: Experiment, tokenizer: "PreTrainedTokenizerBase", folder: Path) -> Path:
    """A model with random weights; equal experiments give equal weights."""
    facts = describe(experiment.vision.tower)
    torch.manual_seed(1)
    model = VLM(experiment, facts, tokenizer)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.mul_(2)  # freshly made, it hardly tells one picture from another
        for parameter in model.fusion.parameters():
            parameter.add_(torch.rand_like(parameter))  # a fresh norm and fresh shares change nothing
    folder.mkdir(parents=True, exist_ok=True)
    save_finetuned(model, experiment, facts, tokenizer, folder)
    return folder


def questions(count: int, folder: Path) -> list[Asked]:
    """Questions about pictures of many sizes, one about none, and one after another turn."""
    random = np.random.default_rng(0)
    words = (
        "red",
        "12 apples",
        "Où",
        "is",
        "left of",
        "{7}",
        "yes",
        "How many",
        "ça va?",
        "  two  spaces",
        "the\nline",
    )
    asked = []
    for number in range(count):
        height, width = (int(side) for side in random.integers(20, 90, 2))
        picture = folder / f"{number}.png"
        Image.fromarray(random.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(picture)
        text = " ".join(random.choice(words, 3)) + "?"
        asked.append(Asked(text, picture))
    asked[1] = Asked(asked[1].question, None)
    asked[2] = Asked(asked[2].question, asked[2].picture, (("What is it?", "yes, 12"),))
    return asked


@torch.inference_mode()
def own_results(cell: Path, tower: Path, asked: Sequence[Asked]) -> tuple[list[Tensor], list[list[int]]]:
    """The logits [T, V] of each prompt, and the ids of its greedy answer.

    The features are not rounded to half precision, because a stock model does not round them either.
    """
    loaded = load_trained(cell)
    experiment, facts, tokenizer = loaded.experiment, loaded.tower, loaded.tokenizer
    vision = experiment.vision.model_copy(update={"tower": str(tower)})
    encoder = PictureEncoder(vision, facts, vision.layers.deepest, experiment.finetune.picture)
    tokens = facts.tokens(vision.image_size, vision.pool, vision.features)
    logits, answers = [], []
    for one in asked:
        features = []
        if one.picture is not None:
            states = encoder.tower.hidden_states(encoder.pixels([Image.open(one.picture)]))
            features = [features_of(encoder.tower, states[k], vision) for k in vision.layers.read]
        template = TEMPLATES[experiment.finetune.template]
        ids = prompt_ids(one.question, template, tokenizer, tokens if features else 0, one.earlier)
        ids_BT = torch.tensor([ids])
        embeddings = loaded.model.embed(features, ids_BT)
        logits.append(loaded.model.language(inputs_embeds=embeddings).logits[0])
        stop = tokenizer.eos_token_id
        found = loaded.model.answer(features, ids_BT, torch.ones_like(ids_BT), LONGEST, stop)
        answers.append(found[0].tolist())
    return logits, answers
