"""The interface of a trained model for lmms-eval.

Shapes: L layers, B questions, N image tokens, D vision width, T tokens.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from lmms_eval.api.model import lmms
from torch import Tensor
from tqdm import tqdm

from shallowsight.data.conversation import TEMPLATES, pad_left, prompt_ids
from shallowsight.data.features import CachedFeatures
from shallowsight.data.plain_text import plain_text
from shallowsight.data.questions import EARLIER_TURNS
from shallowsight.errors import ShallowsightError
from shallowsight.evaluate.answer_log import AnswerLog
from shallowsight.evaluate.kept_pictures import KeptPictures
from shallowsight.evaluate.long_prompts import warn_of_long_prompts
from shallowsight.evaluate.seen_pictures import Seen, SeenPictures
from shallowsight.model.checkpoint import load_trained
from shallowsight.model.encode import PictureEncoder
from shallowsight.model.language.room import MAX_NEW_TOKENS, room_after
from shallowsight.model.located import located_vision
from shallowsight.store.digest import digest_of
from shallowsight.study.experiment import Experiment, Vision
from shallowsight.study.image_tokens import image_tokens

log = logging.getLogger(__name__)

_Picture = str | Seen | None  # a key of the cache, or a picture
_Numbered = tuple[int, tuple[list[int], _Picture]]  # a request's number, its prompt and its picture


class ShallowsightModel(lmms):  # type: ignore[misc]
    """Answers questions with the checkpoint of a finetune cell, by greedy decoding.

    `features` (folders joined by `:`, one per layer) is an optional cache for questions whose row names an image key;
    the tower encodes all other pictures. `tower` is the tower's folder, if the checkpoint's tower was in a folder.
    `log` keeps answers as they come, and gives those that it has; `kept` does so with features of pictures.
    """

    is_simple = True

    def __init__(
        self,
        checkpoint: str,
        features: str = "",
        batch_size: int | str = 64,
        device: str | None = None,
        tower: str = "",
        log: AnswerLog | None = None,
        kept: KeptPictures | None = None,
    ) -> None:
        super().__init__()
        loaded = load_trained(Path(checkpoint))
        self._device_name = device or ("cuda" if torch.cuda.is_available() else "cpu")
        self._model = loaded.model.to(self._device_name)
        self._experiment: Experiment = loaded.experiment
        self._tokenizer, self._facts = loaded.tokenizer, loaded.tower
        self._cache = CachedFeatures([Path(folder) for folder in features.split(":")]) if features else None
        self._pictures: SeenPictures | None = None
        self._tower = tower
        self._batch = int(batch_size)
        self._image_tokens = image_tokens(self._experiment, self._facts)
        self._log, self._kept = log, kept
        self.refused: dict[tuple[str, int], str] = {}  # task and doc_id -> why the question was not asked
        self.picture_of: dict[tuple[str, int], str] = {}  # task and doc_id -> a name that equal pictures share

    def generate_until(self, requests: list[Any]) -> list[str]:
        """One answer for each request, in the order given; the empty one for those in `refused`."""
        found = [self._row(request) for request in requests]
        asked = [(number, row) for number, row in enumerate(found) if row is not None]
        # Prompts of similar length share a batch, for less padding and for equal batches in any order of the requests.
        rows = sorted(asked, key=lambda item: (len(item[1][0]), item[0]))
        warn_of_long_prompts(
            ((requests[number].args[4], len(ids)) for number, (ids, _) in rows), self._experiment.language.max_length
        )
        wishes = [request.args[1] for request in requests]
        limits = [wish.get("max_new_tokens", MAX_NEW_TOKENS) for wish in wishes]
        keys = {number: self._key(row, limits[number]) for number, row in rows} if self._log is not None else {}
        answers = {number: kept for number in keys if self._log and (kept := self._log.get(keys[number])) is not None}
        rows = [(number, row) for number, row in rows if number not in answers]
        for first in tqdm(range(0, len(rows), self._batch), desc="answering", disable=None):
            for batch in self._with_room(rows[first : first + self._batch], limits):
                texts = self._answer([row for _, row in batch], [limits[position] for position, _ in batch])
                given = {position: text for (position, _), text in zip(batch, texts, strict=True)}
                answers |= given
                if self._log is not None:
                    self._log.add({keys[position]: text for position, text in given.items()})
        return [_cut(answers.get(n, ""), wishes[n].get("until") or ()) for n in range(len(requests))]

    def _row(self, request: Any) -> tuple[list[int], _Picture] | None:
        """The prompt and its picture; None for a question with several pictures."""
        question, _, doc_to_visual, doc_id, task, split = request.args
        rows = self.task_dict[task][split]
        doc = rows[doc_id]
        picture: _Picture = None
        named = doc.get("image")
        # The cache has only keys of the study's own data; a row of another task may have a picture or a path here.
        if self._cache is not None and isinstance(named, str) and named in self._cache:
            picture = named
        elif count := len(doc_to_visual(doc)):
            if count > 1:
                self.refused[task, doc_id] = f"it shows {count} pictures at once; this model takes one"
                log.warning("task %s, row %s is not asked: %s", task, doc_id, self.refused[task, doc_id])
                return None
            picture = Seen.of(lambda: doc_to_visual(rows[doc_id])[0])
            self.picture_of[task, doc_id] = picture.key
        image_tokens = self._image_tokens if picture else 0
        template = TEMPLATES[self._experiment.finetune.template]
        return prompt_ids(question, template, self._tokenizer, image_tokens, doc.get(EARLIER_TURNS) or ()), picture

    def _key(self, row: tuple[list[int], _Picture], limit: int) -> str:
        """Equal for questions that must get the same answer from the same weights."""
        ids, picture = row
        return digest_of([ids, picture.key if isinstance(picture, Seen) else picture, limit])

    def _with_room(self, batch: list[_Numbered], limits: Sequence[int]) -> list[list[_Numbered]]:
        """The batch, or its rows one by one if the longest prompt would leave too few positions for the answers."""
        longest = max(len(ids) for _, (ids, _) in batch)
        if self._room(longest) >= max(limits[position] for position, _ in batch):
            return [batch]
        return [[row] for row in batch]

    def _answer(self, rows: Sequence[tuple[list[int], Any]], limits: Sequence[int]) -> list[str]:
        stop = self._tokenizer.eos_token_id
        ids_BT = torch.tensor(pad_left([ids for ids, _ in rows], stop))
        lengths = torch.tensor([len(ids) for ids, _ in rows])
        mask_BT = (torch.arange(ids_BT.shape[1]) >= ids_BT.shape[1] - lengths[:, None]).long()
        features = [f.to(self._device_name) for f in self._features([p for _, p in rows if p is not None])]
        longest = int(min(max(limits), self._room(ids_BT.shape[1])))
        found = self._model.answer(features, ids_BT.to(self._device_name), mask_BT.to(self._device_name), longest, stop)
        own = [ids[:limit] for ids, limit in zip(found, limits, strict=True)]
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
            parts.append(self._seen().features(others))
        # `parts` has the keys first. A stable sort gives that order, and its inverse restores the order of `pictures`.
        order = torch.argsort(torch.tensor([not isinstance(p, str) for p in pictures]).int(), stable=True)
        return [torch.cat(layer)[torch.argsort(order)] for layer in zip(*parts, strict=True)]

    def _seen(self) -> SeenPictures:
        if self._pictures is None:
            self._pictures = SeenPictures(self._encoder, self._experiment.vision.layers.read, self._kept)
        return self._pictures

    def _encoder(self, deepest: int) -> PictureEncoder:
        return PictureEncoder(self._located_vision(), self._facts, deepest, self._experiment.finetune.picture)

    def _located_vision(self) -> Vision:
        """The vision settings with the tower's folder; raises ConfigurationError if it has no or another tower."""
        return located_vision(self._experiment.vision, self._facts, self._tower, "checkpoint=...,tower=FOLDER")

    def clean(self) -> None:
        """Frees nothing: lmms-eval calls this after each of its runs, and an evaluation has several with one model."""

    def loglikelihood(self, requests: list[Any]) -> list[tuple[float, bool]]:
        raise ShallowsightError("this model answers questions (generate_until); loglikelihood tasks are not supported")

    def generate_until_multi_round(self, requests: list[Any]) -> list[str]:
        raise ShallowsightError("this model answers single questions; multi-round tasks are not supported")


def _cut(text: str, ends: str | Sequence[str]) -> str:
    """The text before the first occurrence of an end."""
    for end in [ends] if isinstance(ends, str) else ends:
        text = text.split(end)[0]
    return text.strip()
