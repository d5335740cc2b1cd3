"""A finetune cell in a chat: it answers as the evaluation lets it answer."""

from typing import TYPE_CHECKING

import torch

from shallowsight.chat.model import ChatModel, Say, Spoken, Turns
from shallowsight.data.conversation import TEMPLATES, prompt_ids
from shallowsight.data.plain_text import plain_text
from shallowsight.model.checkpoint import load_trained
from shallowsight.model.encode import PictureEncoder
from shallowsight.model.language.room import room_after
from shallowsight.model.located import located_vision
from shallowsight.study.image_tokens import image_tokens

if TYPE_CHECKING:
    from pathlib import Path

    from PIL import Image


class OwnModel(ChatModel):
    """The model of a finetune cell, and the features of one picture."""

    def __init__(self, cell: "Path", picture: "Image.Image", tower: str, longest: int) -> None:
        """`tower` is the tower's folder, where the checkpoint does not name it; `longest` is in tokens."""
        loaded = load_trained(cell)
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._model, self._tokenizer = loaded.model.to(self._device), loaded.tokenizer
        self._experiment, self._longest = loaded.experiment, longest
        own = loaded.experiment.vision
        vision = located_vision(own, loaded.tower, tower, "--tower FOLDER")
        encoder = PictureEncoder(vision, loaded.tower, own.layers.deepest, loaded.experiment.finetune.picture)
        found = encoder.features(encoder.pixels([picture]), own.layers.read)
        self._features = [features.to(self._device) for features in found]
        self._image_tokens = image_tokens(self._experiment, loaded.tower)

    def answer(self, question: str, earlier: Turns, say: Say) -> str:
        """The answer; raises ShallowsightError when the model has no positions left for one."""
        ids, stop = self._prompt(question, earlier), self._tokenizer.eos_token_id
        longest = int(min(self._longest, room_after(len(ids), self._model.language.config.to_dict())))
        ids_BT = torch.tensor([ids], device=self._device)
        spoken = Spoken(lambda made: plain_text(made, self._tokenizer).strip(), say, prompt=0)
        self._model.answer(self._features, ids_BT, torch.ones_like(ids_BT), longest, stop, spoken)
        return spoken.said

    def has_room(self, question: str, earlier: Turns) -> bool:
        return len(self._prompt(question, earlier)) + self._longest <= self._experiment.language.max_length

    def _prompt(self, question: str, earlier: Turns) -> list[int]:
        template = TEMPLATES[self._experiment.finetune.template]
        return prompt_ids(question, template, self._tokenizer, self._image_tokens, earlier)
