"""Sequences come back from the files as they would be encoded anew, and only numbers stay in memory."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_up import example, stored
from transformers import PreTrainedTokenizerBase

from shallowsight.data.conversation import IGNORE, IMAGE, TEMPLATES, Example, encode_record
from shallowsight.data.examples import Examples, write_examples
from shallowsight.data.shortened import Shortened

Record = dict[str, Any]


def record(identity: object, *turns: str, image: str | None = None) -> Record:
    roles = itertools.cycle(("human", "gpt"))
    talk = [{"from": who, "value": said} for who, said in zip(roles, turns, strict=False)]
    return {"id": identity, "conversations": talk} | ({"image": image} if image else {})


RECORDS = [
    record("picture", "<image>\nWhich colour?", "red", image="files/a.png"),
    record("text alone", "Say hello.", "hello"),
    record("turns", "Which colour?\n<image>", "red", "Sure?", "yes, red", "Really?", "yes", image="files/b\u00e4r.png"),
    record(7, "One?", "1", "Two?", "2"),
    record('odd "name"\n\u732b', "<image>", "a long answer " * 12, image="files/\u732b/c.png"),
    record("long question", "<image>\n" + "why? " * 60, "no", image="files/d.png"),
]


@pytest.mark.parametrize("image_tokens", [1, 4, 9])
@pytest.mark.parametrize("limit", [20, 34, 70, 500])
@pytest.mark.parametrize("template", TEMPLATES)
def test_round_trip(
    template: str, limit: int, image_tokens: int, tokenizer: PreTrainedTokenizerBase, tmp_path: Path
) -> None:
    def encoded(tokens: int) -> list[Example]:
        return [encode_record(r, TEMPLATES[template], tokenizer, image_tokens=tokens) for r in RECORDS]

    shortened = write_examples(iter(encoded(1)), tmp_path / "new" / "folder", image_tokens, limit)
    found = Examples(tmp_path / "new" / "folder", image_tokens, limit)
    expected = [e for whole in encoded(image_tokens) if (e := whole.truncated(limit)).supervised]
    assert [found[n] for n in range(len(found))] == expected
    assert found.lengths.tolist() == [len(e.ids) for e in expected]
    assert found.supervised.tolist() == [e.supervised for e in expected]
    whole = encoded(image_tokens)
    assert shortened.records == len(RECORDS) and shortened.longest == max(len(e.ids) for e in whole)
    assert shortened.left_out == [e.id for e in whole if e not in expected and not e.truncated(limit).supervised]
    assert shortened.cut == [e.id for e in whole if len(e.ids) > limit and e.truncated(limit).supervised]
    assert all(e.ids.count(IMAGE) in (0, image_tokens) for e in expected), "part of a picture"


def test_those_without_an_answer_within_the_limit_are_left_out_and_counted(tmp_path: Path) -> None:
    whole = Example("whole", None, (1, 5, 6), (IGNORE, IGNORE, 6))
    cut = Example("cut", None, (1, 5, 6, 7, 8), (IGNORE, IGNORE, 6, 7, 8))
    gone = Example("gone", None, (1, 5, 5, 5, 6), (IGNORE, IGNORE, IGNORE, IGNORE, 6))
    shortened = write_examples([gone, whole, cut, gone], tmp_path, 3, limit=4)
    assert shortened == Shortened(limit=4, records=4, longest=5, cut=["cut"], left_out=["gone", "gone"])
    found = Examples(tmp_path, 3, 4)
    assert [found[n] for n in range(len(found))] == [whole, cut.truncated(4)]


def test_the_picture_counts_with_all_its_tokens(tmp_path: Path) -> None:
    short = Example("a", "a.png", (1, IMAGE, 5, 6), (IGNORE, IGNORE, IGNORE, 6))
    assert write_examples([short], tmp_path, 10, limit=12).left_out == ["a"] and len(Examples(tmp_path, 10, 12)) == 0
    assert write_examples([short], tmp_path, 10, limit=13).share == 0
    found = Examples(tmp_path, 10, 13)
    assert found.lengths.tolist() == [13] and found[0].ids == (1, *[IMAGE] * 10, 5, 6)
    assert found[0].labels == (*[IGNORE] * 12, 6)


def test_no_examples_at_all(tmp_path: Path) -> None:
    assert write_examples([], tmp_path, 3, 10) == Shortened(limit=10)
    assert len(Examples(tmp_path, 3, 10)) == 0


def test_read_in_any_order_and_again(tmp_path: Path) -> None:
    written = [example(n) for n in range(40)]
    found = stored(written, tmp_path)
    asked = [39, 0, 17, 17, 38, 1, -1]
    assert [found[n].id for n in asked] == [str(n % 40) for n in asked]
    again = stored(written, tmp_path)
    assert [again[n] for n in range(40)] == [found[n] for n in range(40)], "written over"


def test_beyond_the_last(tmp_path: Path) -> None:
    with pytest.raises(IndexError):
        stored([example(0)], tmp_path)[1]


def test_nothing_but_numbers_is_held(tmp_path: Path) -> None:
    """Whatever the length of the texts: a list of them is held once by each process and worker."""
    short, long = (
        stored([Example("n" * size, None, (5,) * size, (5,) * size) for _ in range(50)], tmp_path / str(size), 5000)
        for size in (2, 4000)
    )

    def held(examples: Examples) -> dict[str, int]:
        arrays = {name: value for name, value in vars(examples).items() if isinstance(value, np.ndarray)}
        others = [value for name, value in vars(examples).items() if name not in arrays]
        assert not any(isinstance(value, list | tuple | dict | str | bytes) for value in others)
        return {name: array.nbytes for name, array in arrays.items()}

    assert held(long) == held(short) and sum(held(long).values()) <= 50 * 48
    long[3]
    assert held(long) == held(short), "what was read is kept"
