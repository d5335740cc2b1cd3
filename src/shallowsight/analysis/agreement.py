"""How far the groups depend on the choice of pictures and of the measure."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from shallowsight.analysis.hsic import LEAST_IMAGES
from shallowsight.analysis.pace import Changes, Matrix, find_changes, steps_of
from shallowsight.data.enough import LEAST_PICTURES

HALVES = 100  # random halves of the pictures
HALVES_FOR_NOISE = 20

Numbers = Sequence[int]
Measure = Callable[[Numbers], Matrix]  # the similarity matrix over the pictures with these numbers


@dataclass(frozen=True)
class Stability:
    """What random halves of the pictures show.

    `borders` has for each border the share of halves in which it is at the same place; `count` is the share of halves
    with as many borders.
    """

    borders: Mapping[int, float]
    count: float


def stability(measure: Measure, images: int, found: Changes, noise: float) -> Stability:
    """Find the borders again in random halves of the pictures."""
    halves = [find_changes(measure(half), noise).borders for half in random_halves(range(images), HALVES)]
    seen = Counter(border for half in halves for border in half)
    return Stability(
        borders={border: seen[border] / HALVES for border in found.borders},
        count=sum(len(half) == len(found.borders) for half in halves) / HALVES,
    )


def noise_of(measure: Measure, numbers: Numbers) -> float:
    """How much the choice of these pictures moves a similarity of neighbouring layers.

    Half of n pictures differ from all n as much as n pictures differ from very many.
    """
    steps = [steps_of(measure(half)) for half in random_halves(numbers, HALVES_FOR_NOISE)]
    spread = np.std(steps, axis=0)
    return float(spread.mean()) if spread.size else 0.0


def random_halves(numbers: Numbers, count: int) -> list[Numbers]:
    """Halves of the pictures, the same each time; each has at least the four pictures that CKA needs."""
    random = np.random.default_rng(0)
    size = max(len(numbers) // 2, LEAST_IMAGES)
    return [[numbers[n] for n in sorted(random.permutation(len(numbers))[:size])] for _ in range(count)]


@dataclass(frozen=True)
class Finding:
    """What one measure finds in one part of the pictures."""

    measure: str
    pictures: str
    images: int
    noise: float  # see noise_of
    changes: Changes


def findings(measures: Mapping[str, Measure], keys: Sequence[str]) -> list[Finding]:
    """Each measure over all pictures and over each part of them."""
    return [
        _finding(name, measure, part, numbers)
        for part, numbers in {"all": range(len(keys)), **parts(keys)}.items()
        for name, measure in measures.items()
    ]


def _finding(name: str, measure: Measure, part: str, numbers: Numbers) -> Finding:
    noise = noise_of(measure, numbers)
    return Finding(name, part, len(numbers), noise, find_changes(measure(numbers), noise))


def parts(keys: Sequence[str]) -> dict[str, list[int]]:
    """Numbers of the pictures of each source that has enough; of two halves where there are no two such sources.

    The source of a picture is what stands before the first `/` of its key.
    """
    by_source: dict[str, list[int]] = {}
    for number, key in enumerate(keys):
        by_source.setdefault(key.partition("/")[0], []).append(number)
    large = {source: numbers for source, numbers in by_source.items() if len(numbers) >= LEAST_PICTURES}
    if len(large) >= 2:
        return large
    return {"odd half": list(range(0, len(keys), 2)), "even half": list(range(1, len(keys), 2))}
