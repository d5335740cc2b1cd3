"""Which records are held out."""

import random
from typing import Any

import pytest

from shallowsight.data.held_out import FEWEST_RECORDS, MOST_QUESTIONS, Unit, choose, unit_of, withheld


def record(name: str, image: str | None = None, questions: int = 1) -> dict[str, Any]:
    talk = [{"from": who, "value": "said"} for _ in range(questions) for who in ("human", "gpt")]
    return {"id": name, "conversations": talk} | ({"image": image} if image else {})


def pictures(count: int, each: int = 1, questions: int = 1, group: str = "files") -> list[dict[str, Any]]:
    return [record(f"{group} {i} {n}", f"{group}/{i}.png", questions) for i in range(count) for n in range(each)]


def taken(records: list[dict[str, Any]], chosen: frozenset[Unit]) -> list[dict[str, Any]]:
    return [each for each in records if unit_of(each) in chosen]


@pytest.mark.parametrize(("share", "count"), [(0.04, 8), (0.1, 20), (0.29, 58), (0.49, 98), (0.001, 0), (0.0, 0)])
def test_the_share_is_of_the_records(share: float, count: int) -> None:
    records = pictures(200)
    assert len(taken(records, choose(records, share))) == count


def test_all_records_of_a_picture_go_together() -> None:
    records = pictures(100, each=3)
    held_out = taken(records, choose(records, 0.05))
    assert len(held_out) == 15 and len({each["image"] for each in held_out}) == 5


def test_records_without_a_picture_go_alone() -> None:
    records = [record(f"text {i}") for i in range(100)]
    assert len(taken(records, choose(records, 0.05))) == 5


def test_names_count_and_not_places() -> None:
    records = pictures(60) + [record(f"text {i}") for i in range(60)]
    shuffled = random.Random(0).sample(records, len(records))
    assert choose(shuffled, 0.1) == choose(records, 0.1)
    # Of one more record nothing changes but at the end of the choice.
    assert len(choose([*records, record("new")], 0.1) ^ choose(records, 0.1)) <= 2


def test_every_source_gives_its_share() -> None:
    """120 of 3000, 80 of them expected from the first source: within four standard deviations of a random choice."""
    records = pictures(2000, group="a") + pictures(1000, group="b")
    found = [each["image"][0] for each in taken(records, choose(records, 0.04))]
    assert len(found) == 120 and abs(found.count("a") - 80) < 4 * (120 * 2 / 3 / 3) ** 0.5


def test_of_few_records_none() -> None:
    assert not choose(pictures(FEWEST_RECORDS - 1), 0.4)
    assert len(choose(pictures(FEWEST_RECORDS), 0.04)) == 1


def test_no_more_than_so_many_questions() -> None:
    records = pictures(2000, questions=5)
    held_out = taken(records, choose(records, 0.4))
    assert 5 * len(held_out) == MOST_QUESTIONS


def test_a_picture_that_is_larger_than_the_choice_is_passed_over() -> None:
    """One picture of half the records, and one record of more questions than are asked."""
    logo = [record(f"logo {i}", "files/logo.png") for i in range(50)]
    talk = record("talk", questions=MOST_QUESTIONS + 1)
    records = [*logo, talk, *pictures(49)]
    chosen = choose(records, 0.3)
    assert len(taken(records, chosen)) == 30 and not taken([*logo, talk], chosen)


def test_the_forecast_of_the_number() -> None:
    for count, questions, share in ((24, 1, 0.4), (25, 2, 0.04), (1000, 3, 0.04), (1000, 1, 0.0), (2000, 5, 0.4)):
        records = pictures(count, questions=questions)
        assert round(withheld(count, questions, share)) == len(taken(records, choose(records, share)))
