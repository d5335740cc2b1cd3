"""Where borders lie when the pictures are others, and the layers that change sides."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from shallowsight.analysis.agreement import HALVES, Measure, random_halves
from shallowsight.analysis.pace import Matrix

Find = Callable[[Matrix], tuple[int, ...]]  # the borders in a similarity matrix
LEAST_SHARE = 0.05  # of the halves, in which a border lies elsewhere, for the layers in between to be transition layers


@dataclass(frozen=True)
class Place:
    """A border, and where it lies in random halves of the pictures.

    `places` has the shares of halves by place, which do not add up to 1 when a half has no such border. `interval` is
    where it lies in 95 % of the halves that have it. Half of n pictures differ from all n as much as n pictures differ
    from very many, so it is a 95 % interval for other pictures too.
    """

    after: int
    places: dict[int, float]
    interval: tuple[int, int]

    @property
    def transition(self) -> tuple[int, ...]:
        """The layers that are on the other side of the border in 5 % of the halves or more."""
        moved = [place for place, share in self.places.items() if share >= LEAST_SHARE]
        low, high = min([self.after, *moved]), max([self.after, *moved])
        return tuple(range(low + 1, high + 1))


def places(measure: Measure, images: int, borders: Sequence[int], find: Find) -> tuple[Place, ...]:
    """Look for each border in random halves of the pictures."""
    halves = [find(measure(half)) for half in random_halves(range(images), HALVES)]
    seen: dict[int, Counter[int]] = {border: Counter() for border in borders}
    for half in halves:
        for border, place in _matched(borders, half):
            seen[border][place] += 1
    return tuple(_place(border, counts) for border, counts in seen.items())


def transition_layers(found: Iterable[Place]) -> list[int]:
    """The transition layers of all borders."""
    return sorted({layer for place in found for layer in place.transition})


def _place(border: int, counts: Counter[int]) -> Place:
    ordered = sorted(counts.elements())
    cut = int(0.025 * len(ordered))
    interval = (ordered[cut], ordered[-1 - cut]) if ordered else (border, border)
    return Place(border, {place: counts[place] / HALVES for place in sorted(counts)}, interval)


def _matched(borders: Sequence[int], half: Sequence[int]) -> list[tuple[int, int]]:
    """(border, its place in a half): in order where there are as many; otherwise each with its nearest, if mutual."""
    if len(borders) == len(half):
        return list(zip(borders, half, strict=True))
    pairs = []
    for border in borders:
        near = min(half, key=lambda place: abs(place - border), default=None)
        if near is not None and min(borders, key=lambda other: abs(other - near)) == border:
            pairs.append((border, near))
    return pairs
