"""The interface of a trained model for lmms-eval."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from lmms_eval.api.model import lmms
from tqdm import tqdm

from shallowsight.data.conversation import TEMPLATES, prompt_ids
from shallowsight.data.features import CachedFeatures
from shallowsight.data.questions import EARLIER_TURNS
from shallowsight.errors import ShallowsightError
from shallowsight.evaluate.answer_log import AnswerLog
from shallowsight.evaluate.answerer import Answerer, Question, TrainedFiles
from shallowsight.evaluate.kept_pictures import KeptPictures
from shallowsight.evaluate.long_prompts import warn_of_long_prompts
from shallowsight.evaluate.seen_pictures import Seen
from shallowsight.evaluate.workers import Batch, Workers
from shallowsight.model.checkpoint import load_experiment, load_reading
from shallowsight.model.language.room import MAX_NEW_TOKENS
from shallowsight.store.digest import digest_of
from shallowsight.study.experiment import Experiment
from shallowsight.study.image_tokens import image_tokens

log = logging.getLogger(__name__)

_WORTH = 4  # batches for each of several processes; for fewer their start takes longer than the answers


class ShallowsightModel(lmms):  # type: ignore[misc]
    """Answers questions with the checkpoint of a finetune cell, by greedy decoding.

    `features` (folders joined by `:`, one per layer) is an optional cache for questions whose row names an image key;
    the tower encodes all other pictures. `tower` is the tower's folder, if the checkpoint's tower was in a folder.
    `log` keeps answers as they come, and gives those that it has; `kept` does so with features of pictures. `processes`
    that answer are started when there are batches enough, and end with `close` or with this process; the batches are
    the same ones for any number.
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
        processes: int | str = 1,
    ) -> None:
        super().__init__()
        # Absolute, because they are read when questions come, and public benchmarks are asked in a folder of their own.
        folders = tuple(str(Path(folder).absolute()) for folder in features.split(":")) if features else ()
        self._files = TrainedFiles(str(Path(checkpoint).absolute()), folders, tower, kept)
        self._experiment: Experiment = load_experiment(Path(checkpoint))
        self._tokenizer, facts = load_reading(Path(checkpoint))
        self._cache = CachedFeatures([Path(folder) for folder in folders]) if folders else None
        self._device_name, self._processes, self._batch = device, int(processes), int(batch_size)
        self._answerer: Answerer | None = None
        self._workers: Workers | None = None
        self._image_tokens = image_tokens(self._experiment, facts)
        self._log = log
        self.refused: dict[tuple[str, int], str] = {}  # task and doc_id -> why the question was not asked
        self.picture_of: dict[tuple[str, int], str] = {}  # task and doc_id -> a name that equal pictures share

    def generate_until(self, requests: list[Any]) -> list[str]:
        """One answer for each request, in the order given; the empty one for those in `refused`."""
        found = [self._row(request) for request in requests]
        asked = [(number, row) for number, row in enumerate(found) if row is not None]
        # Prompts of similar length share a batch, for less padding and for equal batches in any order of the requests.
        rows = sorted(asked, key=lambda item: (len(item[1].ids), item[0]))
        warn_of_long_prompts(
            ((requests[number].args[4], len(row.ids)) for number, row in rows), self._experiment.language.max_length
        )
        keys = {number: _key(row) for number, row in rows} if self._log is not None else {}
        answers = {number: kept for number in keys if self._log and (kept := self._log.get(keys[number])) is not None}
        rows = [(number, row) for number, row in rows if number not in answers]
        batches = [rows[first : first + self._batch] for first in range(0, len(rows), self._batch)]
        coming = self._ask([[row for _, row in batch] for batch in batches])
        for which, texts in tqdm(coming, desc="answering", total=len(batches), disable=None):
            given = {number: text for (number, _), text in zip(batches[which], texts, strict=True)}
            answers |= given
            if self._log is not None:
                self._log.add({keys[number]: text for number, text in given.items()})
        ends = [request.args[1].get("until") or () for request in requests]
        return [_cut(answers.get(number, ""), end) for number, end in enumerate(ends)]

    def _row(self, request: Any) -> Question | None:
        """The prompt and its picture; None for a question with several pictures."""
        question, wishes, doc_to_visual, doc_id, task, split = request.args
        rows = self.task_dict[task][split]
        doc = rows[doc_id]
        picture: str | Seen | None = None
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
        ids = prompt_ids(question, template, self._tokenizer, image_tokens, doc.get(EARLIER_TURNS) or ())
        return Question(ids, picture, wishes.get("max_new_tokens", MAX_NEW_TOKENS))

    def _ask(self, batches: Sequence[Batch]) -> Iterator[tuple[int, list[str]]]:
        """The number of each batch and its answers, as they come: from this process, or from several others."""
        if self._workers is not None and self._workers.closed:  # a failure has ended them
            self._workers = None
        if self._workers is None and (self._processes == 1 or len(batches) < _WORTH * self._processes):
            return enumerate(map(self._here().answer, batches))
        if self._workers is None:
            self._answerer = None  # its memory is a worker's
            if torch.cuda.is_available():
                torch.cuda.empty_cache()  # which torch would keep
            self._workers = Workers(self._files, self._devices(), torch.get_num_threads())
        return self._workers.answer(batches)

    def _here(self) -> Answerer:
        if self._answerer is None:
            self._answerer = Answerer(self._files, self._devices()[0])
        return self._answerer

    def _devices(self) -> list[str]:
        if self._device_name:
            return [self._device_name] * self._processes
        gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
        return [f"cuda:{number % gpus}" if gpus else "cpu" for number in range(self._processes)]

    def close(self) -> None:
        """End the processes that answer, if there are several."""
        if self._workers is not None:
            self._workers.close()
            self._workers = None

    def clean(self) -> None:
        """Frees nothing: lmms-eval calls this after each of its runs, and an evaluation has several with one model."""

    def loglikelihood(self, requests: list[Any]) -> list[tuple[float, bool]]:
        raise ShallowsightError("this model answers questions (generate_until); loglikelihood tasks are not supported")

    def generate_until_multi_round(self, requests: list[Any]) -> list[str]:
        raise ShallowsightError("this model answers single questions; multi-round tasks are not supported")


def _key(question: Question) -> str:
    """Equal for questions that must get the same answer from the same weights."""
    picture = question.picture
    return digest_of([question.ids, picture.key if isinstance(picture, Seen) else picture, question.limit])


def _cut(text: str, ends: str | Sequence[str]) -> str:
    """The text before the first occurrence of an end."""
    for end in [ends] if isinstance(ends, str) else ends:
        text = text.split(end)[0]
    return text.strip()
