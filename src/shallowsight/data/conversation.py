"""Turn a LLaVA conversation into token ids and labels, span by span, so that ids and labels always match."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from shallowsight.data.gate.facts import IMAGE_TOKEN
from shallowsight.data.plain_text import Tokenizer, plain_ids

IGNORE = -100  # a label that carries no loss
IMAGE = -200  # LLaVA's placeholder id: one for each image token, replaced by a vector


@dataclass(frozen=True)
class Template:
    """The text around the turns."""

    system: str
    before_question: str
    after_image: str
    after_question: str
    asks: bool  # False: the template leaves out the question, as in LLaVA's pretraining on captions
    after_answer: str | None = None  # None: the tokenizer's end-of-sequence token


TEMPLATES = {
    "plain": Template("", "", "", "", asks=False),
    # Exactly LLaVA-1.5's template for pretraining: a line break ends a caption.
    "caption": Template("", "", "", "", asks=False, after_answer="\n"),
    "short": Template("", "", "", "\n", asks=True),
    # Vicuna's template, as in LLaVA-1.5's finetuning.
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
    """One sequence; `image` is the key of its picture in the shards, or None."""

    id: str
    image: str | None
    ids: tuple[int, ...]
    labels: tuple[int, ...]

    @property
    def supervised(self) -> int:
        """The number of tokens with loss; the first token of a sequence is never predicted."""
        return sum(label != IGNORE for label in self.labels[1:])

    def truncated(self, length: int) -> "Example":
        return self if len(self.ids) <= length else replace(self, ids=self.ids[:length], labels=self.labels[:length])


def encode_record(record: dict[str, Any], template: Template, tokenizer: Tokenizer, image_tokens: int) -> Example:
    """All turns of one record in one sequence; only the answers are supervised."""
    turns = [turn["value"] for turn in record["conversations"]]
    image = record.get("image")
    ids, labels = list[int](), list[int]()
    for number, (question, answer) in enumerate(zip(turns[::2], turns[1::2], strict=True)):
        asked = _asked(question, number == 0, template, tokenizer, image_tokens if image else 0)
        answered = _answered(answer, template, tokenizer)
        ids, labels = ids + asked + answered, labels + [IGNORE] * len(asked) + answered
    return Example(str(record["id"]), image, tuple(ids), tuple(labels))


def prompt_ids(
    question: str,
    template: Template,
    tokenizer: Tokenizer,
    image_tokens: int,
    earlier: Sequence[Sequence[str]] = (),
) -> list[int]:
    """The token ids before an answer, as in training; `earlier` are the pairs of question and answer before it."""
    ids = list[int]()
    for number, (asked, answer) in enumerate(earlier):
        ids += _asked(asked, number == 0, template, tokenizer, image_tokens) + _answered(answer, template, tokenizer)
    return ids + _asked(question, not earlier, template, tokenizer, image_tokens)


def _asked(question: str, first: bool, template: Template, tokenizer: Tokenizer, image_tokens: int) -> list[int]:
    """The token ids of one question; before the first question come start token, system text and image."""
    words = question.replace(IMAGE_TOKEN, "").strip()
    if not first:
        asked = template.before_question + words + template.after_question
        return plain_ids(asked, tokenizer) if template.asks else []
    ids = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]
    ids += plain_ids(template.system + template.before_question, tokenizer) if template.asks else []
    ids += [IMAGE] * image_tokens
    if template.asks:
        after_image = template.after_image if image_tokens else ""
        ids += plain_ids(after_image + words + template.after_question, tokenizer)
    return ids


def _answered(answer: str, template: Template, tokenizer: Tokenizer) -> list[int]:
    if template.after_answer is None:
        return [*plain_ids(answer, tokenizer), tokenizer.eos_token_id]
    return plain_ids(answer + template.after_answer, tokenizer)


def pad_right(rows: Sequence[Sequence[int]], fill: int) -> list[list[int]]:
    """Rows of equal length, with `fill` after their tokens."""
    longest = max(map(len, rows))
    return [[*row, *[fill] * (longest - len(row))] for row in rows]


def pad_left(rows: Sequence[Sequence[int]], fill: int) -> list[list[int]]:
    """Rows of equal length, with `fill` before their tokens."""
    longest = max(map(len, rows))
    return [[*[fill] * (longest - len(row)), *row] for row in rows]
