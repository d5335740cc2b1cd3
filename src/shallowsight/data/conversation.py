"""Turn a LLaVA conversation into token ids and labels, span by span, so that ids and labels always match."""

from collections.abc import Iterator, Sequence
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
    before_answer: str = ""  # belongs to the answer: a model may say it with the first word, in one token
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
        before_answer=" ",
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
    ids, labels = list[int](), list[int]()
    for asked, answered in encode_turns(record, template, tokenizer, image_tokens):
        ids, labels = ids + asked + answered, labels + [IGNORE] * len(asked) + answered
    return Example(str(record["id"]), record.get("image"), tuple(ids), tuple(labels))


def encode_turns(
    record: dict[str, Any], template: Template, tokenizer: Tokenizer, image_tokens: int
) -> Iterator[tuple[list[int], list[int]]]:
    """The token ids of each question of a record, with the text around it, and of its answer, end token included."""
    turns = [turn["value"] for turn in record["conversations"]]
    pictured = image_tokens if record.get("image") else 0
    for number, (question, answer) in enumerate(zip(turns[::2], turns[1::2], strict=True)):
        yield _asked(question, number == 0, template, tokenizer, pictured), answer_ids(answer, template, tokenizer)


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
        ids += _asked(asked, number == 0, template, tokenizer, image_tokens) + answer_ids(answer, template, tokenizer)
    return ids + _asked(question, not earlier, template, tokenizer, image_tokens)


def _asked(question: str, first: bool, template: Template, tokenizer: Tokenizer, image_tokens: int) -> list[int]:
    """The token ids of one question; before the first question come start token, system text and image.

    As in LLaVA, the text is encoded in one piece, or in two where the image is between them: a sentencepiece tokenizer
    puts a space before each piece.
    """
    image = [IMAGE] * image_tokens if first else []
    start = [tokenizer.bos_token_id] if first and tokenizer.bos_token_id is not None else []
    if not template.asks:
        return start + image
    before = template.system + template.before_question if first else template.before_question
    words = question.replace(IMAGE_TOKEN, "").strip() + template.after_question
    if not image:
        return start + plain_ids(before + words, tokenizer)
    return start + plain_ids(before, tokenizer) + image + plain_ids(template.after_image + words, tokenizer)


def answer_ids(answer: str, template: Template, tokenizer: Tokenizer) -> list[int]:
    """The token ids of one answer and its end."""
    said = answer + (template.after_answer or "")
    ids = _continued(template, said, tokenizer) if template.before_answer else plain_ids(said, tokenizer)
    return ids if template.after_answer is not None else [*ids, tokenizer.eos_token_id]


def answer_length(answer: str, template: Template, tokenizer: Tokenizer) -> int:
    """The number of tokens of an answer without the token that ends it."""
    return len(answer_ids(answer, template, tokenizer)) - (template.after_answer is None)


def _continued(template: Template, said: str, tokenizer: Tokenizer) -> list[int]:
    """The ids of an answer as they are after the question's end.

    Of `ASSISTANT: yes`, byte-level tokenizers make the token ` yes` where the space is in the text. Sentencepiece ones
    make it of `yes` alone, and would double a space before it.
    """
    before = plain_ids(template.after_question, tokenizer)
    whole = plain_ids(template.after_question + template.before_answer + said, tokenizer)
    return whole[len(before) :] if whole[: len(before)] == before else plain_ids(said, tokenizer)


def pad_right(rows: Sequence[Sequence[int]], fill: int) -> list[list[int]]:
    """Rows of equal length, with `fill` after their tokens."""
    longest = max(map(len, rows))
    return [[*row, *[fill] * (longest - len(row))] for row in rows]


def pad_left(rows: Sequence[Sequence[int]], fill: int) -> list[list[int]]:
    """Rows of equal length, with `fill` before their tokens."""
    longest = max(map(len, rows))
    return [[*[fill] * (longest - len(row)), *row] for row in rows]
