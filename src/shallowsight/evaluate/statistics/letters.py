"""Compact letters: two settings share a letter if and only if they are not told apart.

The groups are found by insertion and absorption, and what they do not need is swept out (Piepho 2004,
doi 10.1198/1061860043515).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import count
from string import ascii_letters

from shallowsight.evaluate.statistics.family import Comparison, Judgement, Verdict

TOLD_APART = (Verdict.A_BETTER, Verdict.B_BETTER)
_UNKNOWN = (Verdict.FEW_SEEDS, Verdict.FEW_PICTURES)


def letters_of(judgement: Judgement, category: str) -> dict[str, tuple[str, ...]]:
    """The letters of each setting, a first for the best one's group; none where no difference can be judged."""
    pairs = {(a, b): found for (name, a, b), found in judgement.pairs.items() if name == category}
    if all(found.verdict in _UNKNOWN for found in pairs.values()):
        return {}
    sheet = judgement.sheets[category]
    best_first = sorted(sheet.settings, key=lambda setting: -sheet.mean(setting))
    return compact_letters(best_first, _told_apart(pairs))


def compact_letters(items: Sequence[str], told_apart: Collection[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """The letters of each item; the first letter is that of the first item's group."""
    groups = _swept(_inserted(items, told_apart))
    place = {item: i for i, item in enumerate(items)}
    ordered = sorted(groups, key=lambda group: sorted(place[item] for item in group))
    names = _names()
    named = [(next(names), group) for group in ordered]
    return {item: tuple(name for name, group in named if item in group) for item in items}


def written(letters: Sequence[str]) -> str:
    """`ab`; with a blank between names of several characters."""
    return ("" if all(len(letter) == 1 for letter in letters) else " ").join(letters)


def _told_apart(pairs: Mapping[tuple[str, str], Comparison]) -> list[tuple[str, str]]:
    return [pair for pair, found in pairs.items() if found.verdict in TOLD_APART]


def _inserted(items: Sequence[str], told_apart: Collection[tuple[str, str]]) -> list[frozenset[str]]:
    """The largest groups without a pair that is told apart."""
    groups = [frozenset(items)] if items else []
    for a, b in told_apart:
        split = [part for group in groups for part in ((group - {a}, group - {b}) if {a, b} <= group else (group,))]
        groups = _absorbed(split)
    return groups


def _absorbed(groups: Collection[frozenset[str]]) -> list[frozenset[str]]:
    """Without the groups that lie in another one."""
    different = list(dict.fromkeys(groups))
    return [group for group in different if not any(group < other for other in different)]


def _swept(groups: Sequence[frozenset[str]]) -> list[frozenset[str]]:
    """Fewer letters: an item leaves a group where other groups hold it with each of the group's members."""
    kept = list(groups)
    for i, _ in enumerate(kept):
        for item in sorted(kept[i]):
            others = [group for j, group in enumerate(kept) if j != i and item in group]
            if all(any(member in group for group in others) for member in kept[i]):
                kept[i] -= {item}
    return _absorbed([group for group in kept if group])


def _names() -> Iterator[str]:
    """a to z, A to Z, then a1 to Z1 and so on."""
    yield from ascii_letters
    for number in count(1):
        yield from (f"{letter}{number}" for letter in ascii_letters)
