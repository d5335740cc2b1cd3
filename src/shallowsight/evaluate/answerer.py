"""A trained model that answers questions in batches, by greedy decoding, on one device.

Shapes: L layers, B questions, N image tokens, D vision width, T tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from shallowsight.data.conversation import pad_left
from shallowsight.data.features import CachedFeatures
from shallowsight.data.plain_text import plain_text
from shallowsight.evaluate.kept_pictures import KeptPictures
from shallowsight.evaluate.seen_pictures import Seen, SeenPictures
from shallowsight.model.checkpoint import load_trained
from shallowsight.model.encode import PictureEncoder
from shallowsight.model.language.room import room_after
from shallowsight.model.located import located_vision


@dataclass(frozen=True)
class Question:
    """A prompt, with the picture that its image tokens stand for."""

    ids: list[int]
    picture: str | Seen | None  # a key of the cached features, or a picture
    limit: int  # tokens of the answer


@dataclass(frozen=True)
class TrainedFiles:
    """Where a trained model is, and what it reads."""

    checkpoint: str
    features: tuple[str, ...]  # folders with cached features, one for each layer; empty: the tower encodes all pictures
    tower: str  # the tower's folder, if the checkpoint's tower was in a folder
    kept: KeptPictures | None = None


class Answerer:
    """A trained model on a device; it holds features of pictures that it has seen, and loads the tower for others."""

    def __init__(self, files: TrainedFiles, device: str) -> None:
        loaded = load_trained(Path(files.checkpoint))
        self._device, self._model = device, loaded.model.to(device)
        self._experiment, self._facts, self._tokenizer = loaded.experiment, loaded.tower, loaded.tokenizer
        self._cache = CachedFeatures([Path(folder) for folder in files.features]) if files.features else None
        self._tower = files.tower
        self._pictures = SeenPictures(self._encoder, self._experiment.vision.layers.read, files.kept)

    def answer(self, batch: Sequence[Question]) -> list[str]:
        """One text for each question.

        Raises:
            ShallowsightError: a prompt leaves no position for an answer, or the tower is missing or another one.
        """
        # Where the longest prompt would leave too few positions for the answers, the questions are asked one by one.
        longest = max(len(question.ids) for question in batch)
        if self._room(longest) >= max(question.limit for question in batch):
            return self._together(batch)
        return [text for question in batch for text in self._together([question])]

    def _together(self, batch: Sequence[Question]) -> list[str]:
        stop = self._tokenizer.eos_token_id
        ids_BT = torch.tensor(pad_left([question.ids for question in batch], stop))
        lengths = torch.tensor([len(question.ids) for question in batch])
        mask_BT = (torch.arange(ids_BT.shape[1]) >= ids_BT.shape[1] - lengths[:, None]).long()
        features = [f.to(self._device) for f in self._features([q.picture for q in batch if q.picture is not None])]
        longest = int(min(max(question.limit for question in batch), self._room(ids_BT.shape[1])))
        found = self._model.answer(features, ids_BT.to(self._device), mask_BT.to(self._device), longest, stop)
        own = [ids[: question.limit] for ids, question in zip(found, batch, strict=True)]
        return [plain_text(ids.tolist(), self._tokenizer).strip() for ids in own]

    def _room(self, prompt: int) -> float:
        return room_after(prompt, self._model.language.config.to_dict())

    def _features(self, pictures: Sequence[str | Seen]) -> list[Tensor]:
        """One [B', N, D] per layer; `pictures` may mix cache keys and pictures."""
        keys = [p for p in pictures if isinstance(p, str)]
        others = [p for p in pictures if not isinstance(p, str)]
        parts = []
        if self._cache is not None and keys:
            parts.append(self._cache.features(self._cache.load(keys)))
        if others:
            parts.append(self._pictures.features(others))
        # `parts` has the keys first. A stable sort gives that order, and its inverse restores the order of `pictures`.
        order = torch.argsort(torch.tensor([not isinstance(p, str) for p in pictures]).int(), stable=True)
        return [torch.cat(layer)[torch.argsort(order)] for layer in zip(*parts, strict=True)]

    def _encoder(self, deepest: int) -> PictureEncoder:
        vision = located_vision(self._experiment.vision, self._facts, self._tower, "checkpoint=...,tower=FOLDER")
        return PictureEncoder(vision, self._facts, deepest, self._experiment.finetune.picture)
