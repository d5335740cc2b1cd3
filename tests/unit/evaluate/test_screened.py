"""Whether a setting is stopped, look by look."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from shallowsight.evaluate.screened import looks_of, screened
from shallowsight.study.early_stop import LOOKS

PICTURES = [f"scene-{n}" for n in range(200)]
LOOK_OF = looks_of(PICTURES)
Row = dict[str, Any]
Correct = Callable[[str, str], float | None]  # category and picture; None: undecided


def rows(correct: Correct, categories: Sequence[str] = ("count", "ocr"), look: int | None = None) -> list[Row]:
    found = []
    for category in categories:
        for n, picture in enumerate(PICTURES):
            if look in (None, LOOK_OF[picture]):
                score = correct(category, picture)
                row: Row = {"benchmark": f"scenes_{category}", "category": category, "id": str(n)}
                row |= {"image_id": picture, "correct": score or 0.0, "undecided": score is None}
                found.append(row)
    return found


def often(share: float) -> Correct:
    """Right on this share of the pictures, here and there."""
    return lambda category, picture: float(hash_of(category + picture) < share)


def hash_of(text: str) -> float:
    import hashlib

    return int(hashlib.md5(text.encode()).hexdigest()[:8], 16) / 2**32


def run(mine: Correct, theirs: Correct, categories: Sequence[str] = ("count", "ocr")) -> tuple[Any, list[int]]:
    asked: list[int] = []

    def ask(look: int) -> list[Row]:
        asked.append(look)
        return rows(mine, categories, look)

    return screened("11", rows(theirs), ask), asked


def test_each_quarter_of_the_pictures_has_its_look() -> None:
    assert Counter(LOOK_OF.values()) == dict.fromkeys(range(1, LOOKS + 1), 50)
    assert looks_of(reversed(PICTURES)) == LOOK_OF, "the order of the rows does not matter"
    assert [LOOK_OF[name] for name in PICTURES] != sorted(LOOK_OF.values()), "nor does that of the names"


def test_one_that_loses_everywhere_is_stopped_at_the_first_look() -> None:
    found, asked = run(often(0.05), often(0.95))
    assert found.stopped and asked == [1] and found.after == "1/4"
    assert (found.asked, found.questions, found.usual) == (100, 400, "11")
    assert set(found.looks[0]) == {"count", "ocr"}
    assert all(look.clearly_loses and look.pictures == 50 for look in found.looks[0].values())


def test_one_that_is_as_good_in_one_category_is_not_stopped() -> None:
    good = often(0.9)
    found, asked = run(lambda c, p: good(c, p) if c == "ocr" else 0.0, good)
    assert not found.stopped and asked == [1, 2, 3] and found.asked == 300
    assert found.looks[2]["count"].clearly_loses and not found.looks[2]["ocr"].clearly_loses


def test_what_was_lost_at_an_earlier_look_stays_lost() -> None:
    def late(category: str, picture: str) -> float:
        """Of one category everything is wrong at first, and later all right; of the other it is the other way round."""
        return float((LOOK_OF[picture] == 1) == (category == "ocr"))

    found, _ = run(late, often(0.7))
    first, *_, last = found.looks
    assert first["count"].clearly_loses and not last["count"].clearly_loses
    assert last["ocr"].clearly_loses and found.stopped


def test_an_undecided_answer_counts_for_the_one_that_may_lose() -> None:
    assert run(often(0.05), often(0.95))[0].stopped
    assert not run(lambda c, p: None, often(0.95))[0].stopped
    assert not run(often(0.05), lambda c, p: None)[0].stopped


def test_a_category_that_was_not_asked_is_not_lost() -> None:
    found, asked = run(often(0.05), often(0.95), ("count",))
    assert not found.stopped and asked == [1, 2, 3]
    assert set(found.looks[0]) == {"count"}


@pytest.mark.parametrize("mine", [0.9, 0.95])
def test_an_equal_one_is_evaluated_in_full(mine: float) -> None:
    assert not run(often(mine), often(0.9))[0].stopped
