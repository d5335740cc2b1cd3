"""Whether a setting loses in every category, look by look: what is asked about when, and when to stop.

A setting is stopped when it clearly loses in every category, each at this look or at an earlier one. Then it is the
best of none. To stop a model that loses no more than the margin in one category, this category's test must fail too:
so that is as improbable as one failing test, however many categories there are (an intersection-union test).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from hashlib import sha256

from shallowsight.data.records import Record
from shallowsight.evaluate.statistics.early_stop import Look, look_at
from shallowsight.study.early_stop import LOOKS, CategoryLook, Screened

Ask = Callable[[int], Sequence[Record]]  # the number of a look, from 1 -> rows of samples.jsonl of its pictures


def looks_of(pictures: Iterable[str]) -> dict[str, int]:
    """Picture -> at which look it is asked about, from 1.

    The order is drawn by a digest of the name, so that it is the same for all settings and seeds.
    """
    ordered = sorted(set(pictures), key=lambda name: sha256(name.encode()).digest())
    return {name: 1 + place * LOOKS // len(ordered) for place, name in enumerate(ordered)}


def screened(usual: str, samples: Sequence[Record], ask: Ask) -> Screened:
    """Ask look by look until a setting clearly loses in every category, or only the last look is left.

    Args:
        usual: the setting that this one is compared with.
        samples: its rows of samples.jsonl.
        ask: asks the setting that may lose.
    """
    categories = {name: _Category(rows) for name, rows in _by(samples, "category").items()}
    asked, looks = 0, list[dict[str, CategoryLook]]()
    for number in range(1, LOOKS):
        rows = ask(number)
        asked += len(rows)
        given = _by(rows, "category")
        found = {name: category.look(given.get(name, ())) for name, category in categories.items()}
        looks.append({name: _written(look) for name, look in found.items() if look is not None})
        if all(category.lost for category in categories.values()):
            break
    lost = bool(categories) and all(category.lost for category in categories.values())
    return Screened(usual=usual, stopped=lost, asked=asked, questions=len(samples), looks=tuple(looks))


class _Category:
    """The gaps of one category so far. An undecided answer of either setting counts for the one that may lose."""

    def __init__(self, samples: Sequence[Record]) -> None:
        self.lost = False
        self._usual = {_key(row): row for row in samples}
        self._pictures = len({row["image_id"] for row in samples})
        self._gaps: dict[str, list[float]] = {}

    def look(self, rows: Iterable[Record]) -> Look | None:
        """Take the rows of one look; None where they are about no new picture."""
        before = len(self._gaps)
        for row in rows:
            other = self._usual.get(_key(row))
            if other is not None:
                own = 1.0 if row.get("undecided") else float(row["correct"])
                theirs = 0.0 if other.get("undecided") else float(other["correct"])
                self._gaps.setdefault(other["image_id"], []).append(own - theirs)
        if len(self._gaps) == before:
            return None
        gaps = list(self._gaps.values())
        found = look_at([sum(each) for each in gaps], [len(each) for each in gaps], self._pictures, before)
        self.lost |= found.clearly_loses
        return found


def _key(row: Record) -> tuple[str, str]:
    return row["benchmark"], row["id"]


def _by(rows: Iterable[Record], column: str) -> Mapping[str, list[Record]]:
    found: dict[str, list[Record]] = {}
    for row in rows:
        found.setdefault(row[column], []).append(row)
    return found


def _written(look: Look) -> CategoryLook:
    return CategoryLook(**asdict(look), clearly_loses=look.clearly_loses)
