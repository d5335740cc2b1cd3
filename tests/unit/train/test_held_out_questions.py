"""Held-out records as token ids: what is asked, of which kind, and what does not fit."""

from collections.abc import Callable
from typing import Any

import pytest

from shallowsight.data.conversation import IGNORE, TEMPLATES, encode_record, prompt_ids
from shallowsight.data.plain_text import plain_ids
from shallowsight.train.held_out import HeldOut
from shallowsight.train.process_task import ProcessTask

IMAGE_TOKENS = 4


def record(*said: str, **more: Any) -> dict[str, Any]:
    turns = [{"from": ("human", "gpt")[i % 2], "value": text} for i, text in enumerate(said)]
    return {"id": "a", "conversations": turns} | more


TALK = ("<image>\nWhich colour?", "red", "Sure?", "yes, red", "Why?", "no reason")


def encode(tokenizer: Any, *records: dict[str, Any], template: str = "short", limit: int = 500) -> HeldOut:
    return HeldOut.encode(records, template, tokenizer, IMAGE_TOKENS, limit)


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("image", ["files/1.png", None])
def test_a_record_is_encoded_as_in_training(tokenizer: Any, template: str, image: str | None) -> None:
    given = record(*TALK, tasks=["colour", "sure", "why"], **({"image": image} if image else {}))
    (asked,) = encode(tokenizer, given, template=template).asked
    assert asked.example == encode_record(given, TEMPLATES[template], tokenizer, IMAGE_TOKENS)
    assert asked.kinds == ("colour", "sure", "why")
    ends = TEMPLATES[template].after_answer
    answers = [
        [*plain_ids(a + (ends or ""), tokenizer), *([] if ends else [tokenizer.eos_token_id])] for a in TALK[1::2]
    ]
    assert asked.supervised == tuple(map(len, answers))
    assert [label for label in asked.example.labels if label != IGNORE] == [i for each in answers for i in each]


def test_a_question_stands_after_the_turns_before_it(tokenizer: Any) -> None:
    """The ids before an answer are the prompt of an evaluation that asks in context."""
    (asked,) = encode(tokenizer, record(*TALK, image="files/1.png")).asked
    earlier = [["Which colour?", "red"], ["Sure?", "yes, red"]]
    prompt = prompt_ids("Why?", TEMPLATES["short"], tokenizer, IMAGE_TOKENS, earlier)
    assert list(asked.example.ids[: -asked.supervised[-1]]) == prompt


@pytest.mark.parametrize("tasks", [None, ["colour"], "colour", [1, 2, 3]], ids=repr)
def test_without_kinds_of_its_own(tokenizer: Any, tasks: object) -> None:
    """Training records may have any `tasks`: nothing was ever asked of them."""
    (asked,) = encode(tokenizer, record(*TALK, **({} if tasks is None else {"tasks": tasks}))).asked
    assert asked.kinds == ("own",) * 3


def test_what_does_not_fit_is_left_out_and_counted(tokenizer: Any) -> None:
    given = record(*TALK, image="files/1.png")
    (whole,) = encode(tokenizer, given).asked
    length = len(whole.example.ids)
    for limit, left_out in ((length, 0), (length - 1, 1), (length - whole.supervised[-1], 1)):
        found = encode(tokenizer, given, limit=limit)
        assert found.left_out == left_out and len(found.asked[0].kinds) == 3 - left_out
        assert sum(found.asked[0].supervised) == found.asked[0].example.supervised
    assert encode(tokenizer, given, limit=3) == HeldOut((), left_out=3)


def test_a_first_token_cannot_be_predicted(tokenizer: Any) -> None:
    """A template without questions, and a tokenizer without a start: the first answer is the first token."""

    class NoStart:
        bos_token_id = None
        eos_token_id = tokenizer.eos_token_id

        def __call__(self, *args: Any, **named: Any) -> Any:
            return tokenizer(*args, **named)

        def __getattr__(self, name: str) -> Any:
            return getattr(tokenizer, name)

    (asked,) = encode(NoStart(), record("Say it.", "hello there"), template="plain").asked
    assert asked.supervised == (asked.example.supervised,) == (len(asked.example.ids) - 1,)


def test_short_ones_come_first(tokenizer: Any) -> None:
    found = encode(tokenizer, record("Say it.", "hello " * 20), record("Say it.", "hello"))
    lengths = [len(each.example.ids) for each in found.asked]
    assert lengths == sorted(lengths)


def test_only_a_finetuning_is_measured(make_job: Callable[..., ProcessTask], tokenizer: Any) -> None:
    assert len(HeldOut.read(make_job("finetune"), tokenizer).asked) == 5
    assert HeldOut.read(make_job("pretrain"), tokenizer) == HeldOut()
