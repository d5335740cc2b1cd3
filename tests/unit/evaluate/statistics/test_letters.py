"""Two settings share a letter if and only if no verdict tells them apart."""

from collections.abc import Collection, Mapping
from itertools import combinations

import numpy as np
import pytest
from sheets import drawn

from shallowsight.evaluate.statistics.family import Planned, Verdict, judge
from shallowsight.evaluate.statistics.letters import compact_letters, letters_of, written

PLANNED = Planned(usual="1", singles=("0", "1", "2", "3"), fusions=())


def told_apart(items: Collection[str], letters: Mapping[str, tuple[str, ...]]) -> set[tuple[str, str]]:
    """The pairs that share no letter, by looking at every pair."""
    return {(a, b) for a, b in combinations(items, 2) if not set(letters[a]) & set(letters[b])}


@pytest.mark.parametrize("density", [0.0, 0.1, 0.3, 0.5, 0.8, 1.0])
def test_letters_say_what_the_pairs_say(density: float) -> None:
    rng = np.random.default_rng(int(100 * density))
    for size in (1, 2, 3, 5, 8, 12, 16):
        for _ in range(12):
            items = [f"s{i}" for i in range(size)]
            pairs = {pair for pair in combinations(items, 2) if rng.random() < density}
            found = compact_letters(items, sorted(pairs))
            assert told_apart(items, found) == pairs
            assert all(found[item] for item in items)


def test_no_letter_can_be_left_out() -> None:
    rng = np.random.default_rng(5)
    for _ in range(60):
        items = [f"s{i}" for i in range(8)]
        pairs = {pair for pair in combinations(items, 2) if rng.random() < 0.4}
        found = compact_letters(items, sorted(pairs))
        for item, letters in found.items():
            for letter in letters:
                fewer = found | {item: tuple(x for x in letters if x != letter)}
                assert told_apart(items, fewer) != pairs or not fewer[item]


def test_letters_of_a_ladder_by_hand() -> None:
    """Neighbours are alike, others are not; the best one has the first letter."""
    found = compact_letters("wxyz", [("w", "y"), ("x", "z"), ("w", "z")])
    assert found == {"w": ("a",), "x": ("a", "b"), "y": ("b", "c"), "z": ("c",)}


def test_extremes() -> None:
    assert compact_letters([], []) == {}
    assert compact_letters("xyz", []) == dict.fromkeys("xyz", ("a",))
    many = [f"s{i}" for i in range(60)]
    found = compact_letters(many, list(combinations(many, 2)))
    assert [found[s][0] for s in (many[0], many[25], many[26], many[51], many[52])] == ["a", "z", "A", "Z", "a1"]


def test_letters_as_written() -> None:
    assert written(("a", "b")) == "ab" and written(("z", "a1")) == "z a1" and written(()) == ""


def test_letters_of_a_judgement() -> None:
    """They are the study's own verdicts: 0 is better than all others, which cannot be told apart."""
    sheets = {"c": drawn(np.random.default_rng(0), [[0.9, 0.9, 0.91], [0.5, 0.51, 0.5], [0.5, 0.5, 0.51], [0.5] * 3])}
    found = judge(sheets, PLANNED)
    letters = letters_of(found, "c")
    claimed = {
        frozenset(key[1:]) for key, c in found.pairs.items() if c.verdict in (Verdict.A_BETTER, Verdict.B_BETTER)
    }
    assert {frozenset(pair) for pair in told_apart(sheets["c"].settings, letters)} == claimed
    assert claimed == {frozenset("01"), frozenset("02"), frozenset("03")}
    assert letters == {"0": ("a",), "1": ("b",), "2": ("b",), "3": ("b",)}


def test_a_difference_that_may_not_be_claimed_shares_a_letter() -> None:
    sheets = {"c": drawn(np.random.default_rng(0), [[0.9, 0.9, 0.91], [0.5, 0.51, 0.5], [0.5, 0.5, 0.51], [0.5] * 3])}
    refused = judge(sheets, PLANNED, why_not=lambda *_: "its training has not levelled off")
    assert set(letters_of(refused, "c").values()) == {("a",)}


def test_no_letters_where_nothing_can_be_judged() -> None:
    one_seed = {"c": drawn(np.random.default_rng(0), [[0.9], [0.5], [0.5], [0.5]])}
    assert letters_of(judge(one_seed, PLANNED), "c") == {}
