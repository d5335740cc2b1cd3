"""Ids and labels, span by span, for every template."""

from collections.abc import Sequence
from typing import Any, ClassVar

import pytest

from shallowsight.data.conversation import (
    IGNORE,
    IMAGE,
    TEMPLATES,
    Example,
    encode_record,
    pad_left,
    pad_right,
    prompt_ids,
)

BOS, EOS = 1, 2
V1_SYSTEM = (
    "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, "
    "detailed, and polite answers to the user's questions. "
)


class Letters:
    """A letter is a token, its code point the id."""

    eos_token_id = EOS
    unk_token_id = None
    all_special_ids: tuple[int, ...] = ()
    added_tokens_decoder: ClassVar[dict[int, Any]] = {}

    def __init__(self, bos: int | None = BOS) -> None:
        self.bos_token_id = bos

    def encode(self, text: str, *, add_special_tokens: bool, split_special_tokens: bool) -> list[int]:
        assert not add_special_tokens and split_special_tokens
        assert text, "an empty span is no span"
        return [ord(letter) for letter in text]

    def decode(self, token_ids: Sequence[int], *, skip_special_tokens: bool) -> str:
        return "".join(map(chr, token_ids))

    def convert_ids_to_tokens(self, ids: int) -> str:
        return chr(ids)

    def convert_tokens_to_ids(self, tokens: str) -> int:
        return ord(tokens)


def record(*turns: str, image: str | None = "a.png") -> dict[str, Any]:
    roles = ("human", "gpt")
    talk = [{"from": roles[i % 2], "value": said} for i, said in enumerate(turns)]
    return {"id": 7, "conversations": talk} | ({"image": image} if image else {})


def written(ids: tuple[int, ...]) -> str:
    """`[` start, `]` end, `#` one image token."""
    names = {BOS: "[", EOS: "]", IMAGE: "#"}
    return "".join(names.get(i) or chr(i) for i in ids)


def answered(example: Example) -> str:
    """What is supervised; `.` where it is not."""
    assert len(example.ids) == len(example.labels)
    assert all(label in (IGNORE, token) for token, label in zip(example.ids, example.labels, strict=True))
    return "".join("." if label == IGNORE else written((label,)) for label in example.labels)


@pytest.mark.parametrize(
    ("template", "turns", "image", "text", "supervised"),
    [
        pytest.param("plain", ["<image>\nQ?", "cat"], "a.png", "[###cat]", "cat]", id="plain"),
        pytest.param("plain", ["Q?", "cat"], None, "[cat]", "cat]", id="plain, no image"),
        pytest.param(
            "plain", ["<image>", "cat", "R?", "dog"], "a.png", "[###cat]dog]", "cat]dog]", id="plain, two turns"
        ),
        pytest.param("caption", ["<image>\nQ?", "cat"], "a.png", "[###cat\n", "cat\n", id="caption"),
        pytest.param("short", ["<image>\nQ?", "cat"], "a.png", "[###Q?\ncat]", "cat]", id="short"),
        pytest.param("short", ["Q?", "cat"], None, "[Q?\ncat]", "cat]", id="short, no image"),
        pytest.param(
            "short", ["Q?\n<image>", "cat"], "a.png", "[###Q?\ncat]", "cat]", id="short, image after the question"
        ),
        pytest.param(
            "short",
            ["<image>\nQ?", "cat", "R?", "dog"],
            "a.png",
            "[###Q?\ncat]R?\ndog]",
            "cat]dog]",
            id="short, two turns",
        ),
        pytest.param(
            "v1", ["<image>\nQ?", "cat"], "a.png", f"[{V1_SYSTEM}USER: ###\nQ? ASSISTANT: cat]", " cat]", id="v1"
        ),
        pytest.param("v1", ["Q?", "cat"], None, f"[{V1_SYSTEM}USER: Q? ASSISTANT: cat]", " cat]", id="v1, no image"),
        pytest.param(
            "v1",
            ["<image>\nQ?", "cat", "R?", "dog"],
            "a.png",
            f"[{V1_SYSTEM}USER: ###\nQ? ASSISTANT: cat]USER: R? ASSISTANT: dog]",
            " cat] dog]",
            id="v1, two turns",
        ),
    ],
)
def test_span_by_span(template: str, turns: list[str], image: str | None, text: str, supervised: str) -> None:
    example = encode_record(record(*turns, image=image), TEMPLATES[template], Letters(), image_tokens=3)
    assert written(example.ids) == text
    assert answered(example).replace(".", "") == supervised
    # The end of each answer is where it stands in the text.
    position = 0
    for part in supervised.split("]")[:-1]:
        position = text.index(f"{part}]", position)
        assert answered(example)[position : position + len(part) + 1] == f"{part}]"
    assert example.supervised == len(supervised)
    assert (example.id, example.image) == ("7", image)


def test_the_prompt_is_what_training_saw_before_the_answer() -> None:
    for template in TEMPLATES.values():
        whole = encode_record(record("<image>\nQ?", "cat"), template, Letters(), image_tokens=3)
        prompt = prompt_ids("<image>\nQ?", template, Letters(), image_tokens=3)
        assert list(whole.ids[:-1]) == [*prompt, *map(ord, template.before_answer + "cat")]


@pytest.mark.parametrize("image", ["a.png", None], ids=["picture", "text alone"])
@pytest.mark.parametrize("template", TEMPLATES)
def test_the_prompt_of_a_follow_up_is_what_training_saw_before_its_answer(template: str, image: str | None) -> None:
    turns = ["<image>\nQ?" if image else "Q?", "cat", " R? ", "dog ", "S?", "cow"]
    whole = encode_record(record(*turns, image=image), TEMPLATES[template], Letters(), image_tokens=3)
    pairs = list(zip(turns[::2], turns[1::2], strict=True))
    for number, (question, answer) in enumerate(pairs):
        prompt = prompt_ids(question, TEMPLATES[template], Letters(), 3 if image else 0, pairs[:number])
        assert list(whole.ids[: len(prompt)]) == prompt
        said = TEMPLATES[template].before_answer + answer
        assert whole.labels[len(prompt) : len(prompt) + len(said)] == tuple(map(ord, said))


def test_a_tokenizer_without_a_start_token() -> None:
    example = encode_record(record("Q?", "cat", image=None), TEMPLATES["short"], Letters(bos=None), 3)
    assert written(example.ids) == "Q?\ncat]"


def test_the_first_token_is_never_predicted() -> None:
    example = encode_record(record("Q?", "cat", image=None), TEMPLATES["plain"], Letters(bos=None), 3)
    assert answered(example) == "cat]" and example.supervised == 3


def test_a_question_without_an_answer_is_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        encode_record(record("Q?", "cat", "R?"), TEMPLATES["short"], Letters(), 3)


@pytest.mark.parametrize(
    ("length", "text", "supervised"),
    [
        pytest.param(100, "[###Q?\ncat]", 4, id="long enough"),
        pytest.param(11, "[###Q?\ncat]", 4, id="just fits"),
        pytest.param(9, "[###Q?\nca", 2, id="in the answer"),
        pytest.param(7, "[###Q?\n", 0, id="no answer left"),
    ],
)
def test_truncation(length: int, text: str, supervised: int) -> None:
    cut = encode_record(record("<image>\nQ?", "cat"), TEMPLATES["short"], Letters(), 3).truncated(length)
    assert written(cut.ids) == text and len(cut.labels) == len(cut.ids) and cut.supervised == supervised
    assert (cut.id, cut.image) == ("7", "a.png")


def test_padding() -> None:
    assert pad_right([[1], [2, 3]], 0) == [[1, 0], [2, 3]]
    assert pad_left([(1,), (2, 3)], 0) == [[0, 1], [2, 3]]
