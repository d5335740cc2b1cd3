"""From a LLaVA conversation to token ids and labels, span by span, so that the two cannot disagree."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from shallowsight.validation.facts import IMAGE_TOKEN

IGNORE = -100  # a label that carries no loss
IMAGE = -200  # LLaVA's placeholder id: one for each image token, replaced by a vector


class Tokenizer(Protocol):
    bos_token_id: int | None
    eos_token_id: int

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]: ...


@dataclass(frozen=True)
class Template:
    """The text around the turns."""

    system: str
    before_question: str
    after_image: str
    after_question: str
    asks: bool  # False: the question is left out, as in LLaVA's pretraining on captions
    after_answer: str | None = None  # None: the tokenizer's end-of-sequence token


TEMPLATES = {
    "plain": Template("", "", "", "", asks=False),
    # LLaVA-1.5's for pretraining, to the letter: a caption ends with its line.
    "caption": Template("", "", "", "", asks=False, after_answer="\n"),
    "short": Template("", "", "", "\n", asks=True),
    # Vicuna's, as in LLaVA-1.5's finetuning.
    "v1": Template(
        "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, "
        "detailed, and polite answers to the user's questions. ",
        "USER: ",
        "\n",
        " ASSISTANT:",
        asks=True,
    ),
}


@dataclass(frozen=True)
class Example:
    """One sequence; `image` is its key in the shards, or None."""

    id: str
    image: str | None
    ids: tuple[int, ...]
    labels: tuple[int, ...]

    @property
    def supervised(self) -> int:
        """How many tokens carry loss; the first of a sequence is never predicted."""
        return sum(label != IGNORE for label in self.labels[1:])

    def truncated(self, length: int) -> "Example":
        return self if len(self.ids) <= length else replace(self, ids=self.ids[:length], labels=self.labels[:length])


def encode_record(record: dict[str, Any], template: Template, tokenizer: Tokenizer, image_tokens: int) -> Example:
    """All turns of one record in one sequence; only the answers are supervised."""
    turns = [turn["value"] for turn in record["conversations"]]
    image = record.get("image")
    ids = prompt_ids(turns[0], template, tokenizer, image_tokens if image else 0)
    labels = [IGNORE] * len(ids)
    for position, (question, answer) in enumerate(zip(turns[::2], turns[1::2], strict=True)):
        if position > 0 and template.asks:
            asked = _text(template.before_question + question + template.after_question, tokenizer)
            ids, labels = ids + asked, labels + [IGNORE] * len(asked)
        if template.after_answer is None:
            answered = [*_text(answer, tokenizer), tokenizer.eos_token_id]
        else:
            answered = _text(answer + template.after_answer, tokenizer)
        ids, labels = ids + answered, labels + answered
    return Example(str(record["id"]), image, tuple(ids), tuple(labels))


def prompt_ids(question: str, template: Template, tokenizer: Tokenizer, image_tokens: int) -> list[int]:
    """Everything before the first answer: start, system text, image, question."""
    start = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]
    before = _text(template.system + template.before_question, tokenizer) if template.asks else []
    ids = start + before + [IMAGE] * image_tokens
    if template.asks:
        words = question.replace(IMAGE_TOKEN, "").strip()
        after_image = template.after_image if image_tokens else ""
        ids += _text(after_image + words + template.after_question, tokenizer)
    return ids


def pad_right(rows: Sequence[Sequence[int]], fill: int) -> list[list[int]]:
    longest = max(map(len, rows))
    return [[*row, *[fill] * (longest - len(row))] for row in rows]


def pad_left(rows: Sequence[Sequence[int]], fill: int) -> list[list[int]]:
    longest = max(map(len, rows))
    return [[*[fill] * (longest - len(row)), *row] for row in rows]


def _text(text: str, tokenizer: Tokenizer) -> list[int]:
    return tokenizer.encode(text, add_special_tokens=False) if text else []
