"""The held-out questions of a finetuning as token ids.

A record's questions are one sequence, each after the turns before it with their true answers, as the model is trained.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from shallowsight.data.conversation import IGNORE, TEMPLATES, Example, encode_turns
from shallowsight.data.held_out import read_held_out
from shallowsight.data.plain_text import Tokenizer
from shallowsight.data.questions import training_kinds
from shallowsight.data.records import Record
from shallowsight.study.image_tokens import image_tokens
from shallowsight.train.process_task import ProcessTask


@dataclass(frozen=True)
class Asked:
    """The questions of one held-out record, as one sequence."""

    example: Example
    kinds: tuple[str, ...]  # of each question
    supervised: tuple[int, ...]  # tokens with loss, of each question


@dataclass(frozen=True)
class HeldOut:
    """The held-out questions of a stage."""

    asked: tuple[Asked, ...] = ()  # shortest first
    left_out: int = 0  # questions that do not fit

    @classmethod
    def read(cls, task: ProcessTask, tokenizer: Tokenizer) -> "HeldOut":
        """The questions of a finetuning; a pretraining has none, because its template may leave out the questions."""
        if task.stage != "finetune":
            return cls()
        tokens, limit = image_tokens(task.experiment, task.tower), task.experiment.language.max_length
        return cls.encode(read_held_out(task.data), task.settings.template, tokenizer, tokens, limit)

    @classmethod
    def encode(
        cls, records: Iterable[Record], template: str, tokenizer: Tokenizer, image_tokens: int, limit: int
    ) -> "HeldOut":
        """The questions that end within `limit` tokens, image tokens included."""
        asked, left_out = list[Asked](), 0
        for record in records:
            kinds, fitting = training_kinds(record), list[tuple[str, int]]()
            ids, labels = list[int](), list[int]()
            for number, (question, answer) in enumerate(
                encode_turns(record, TEMPLATES[template], tokenizer, image_tokens)
            ):
                if len(ids) + len(question) + len(answer) > limit:
                    break
                # The first token of a sequence carries no loss, because there is no token before it to predict it from.
                if supervised := len(answer) - (not ids and not question):
                    fitting.append((kinds[number], supervised))
                ids, labels = ids + question + answer, labels + [IGNORE] * len(question) + answer
            left_out += len(kinds) - len(fitting)
            if fitting:
                example = Example(str(record["id"]), record.get("image"), tuple(ids), tuple(labels))
                asked.append(Asked(example, *zip(*fitting, strict=True)))
        return cls(tuple(sorted(asked, key=lambda each: len(each.example.ids))), left_out)
