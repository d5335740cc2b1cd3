"""How often groups of layers are found where there are none, and where there are.

`python -m benchmarks.grouping`, about a minute on one core.

Towers are made, not loaded: layer k lies at a place on a line, two layers are as similar as a curve of their distance
says, and each pair of layers gets some noise. A smooth tower has even steps, or steps whose size follows a trend along
depth, each with some irregularity. A tower with groups has in addition a larger step at each border, or another pace
from a border on.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from shallowsight.analysis.pace import find_changes

Values = NDArray[np.float64]
Random = np.random.Generator

NULLS, PLANTED = 1000, 200  # towers of a row
DEPTHS = (8, 12, 24, 48)
REACH = 3.0  # average distance between the first and the last layer, in units of the curve's decay


@dataclass(frozen=True)
class Kind:
    """How smooth towers are made.

    `trend` gives log steps for places in -1..1, to which `jitter` x `irregularity` is added; `curve` gives similarity
    for distances, to which `noise` is added. In DINOv2-small the irregularity is 0.16, and the choice of 208 pictures
    moves a similarity by 0.002.
    """

    trend: Callable[[Values], Values]
    curve: Callable[[Values], Values] = lambda distance: np.exp(-distance)
    jitter: Callable[[Random, int], Values] = lambda random, steps: random.normal(size=steps)
    irregularity: float = 0.15
    noise: float = 0.002


def even(places: Values) -> Values:
    return 0.0 * places


SMOOTH = {
    "even pace, exponential": Kind(even),
    "even pace, linear": Kind(even, lambda distance: 1 - distance / (2 * REACH)),
    "even pace, never above 0.6": Kind(even, lambda distance: 0.6 * np.exp(-distance)),
    "four times faster early": Kind(lambda x: -0.7 * x),
    "slow in the middle": Kind(lambda x: 1.4 * x**2),
    "S-shaped trend, three times": Kind(lambda x: 0.55 * np.tanh(2 * x)),
    "one wave along depth": Kind(lambda x: 0.3 * np.sin(np.pi * x)),
    "even pace, irregularity 0.4": Kind(even, irregularity=0.4),
    "even pace, noise 0.02": Kind(even, noise=0.02),
    "heavy-tailed steps (t, 4)": Kind(even, jitter=lambda random, n: random.standard_t(4, size=n) / sqrt(2)),
}


def tower(kind: Kind, depth: int, random: Random, extra: Values | None = None) -> Values:
    """A similarity matrix [depth, depth]; `extra` is added to the log steps [depth - 1]."""
    steps = kind.trend(np.linspace(-1, 1, depth - 1)) + kind.irregularity * kind.jitter(random, depth - 1)
    sizes = np.exp(steps if extra is None else steps + extra)
    smooth = np.exp(kind.trend(np.linspace(-1, 1, depth - 1)))
    places = np.concatenate([[0.0], np.cumsum(sizes * REACH / smooth.sum())])
    noise = random.normal(size=(depth, depth)) * kind.noise
    similarity = kind.curve(np.abs(places[:, None] - places)) + (noise + noise.T) / sqrt(2)
    np.fill_diagonal(similarity, 1.0)
    return similarity


def jumps(depth: int, borders: tuple[int, ...], factor: float) -> Values:
    """Log of the steps' size: `factor` times as large at each border."""
    return np.isin(np.arange(1, depth), borders) * np.log(factor)


def paces(depth: int, borders: tuple[int, ...], factor: float) -> Values:
    """Log of the steps' size: `factor` times slower in every other group, the first one is fast."""
    group = np.searchsorted(borders, np.arange(1, depth), side="left")
    return -np.log(factor) * (group % 2)


def places_of(depth: int, groups: int) -> tuple[int, ...]:
    """The last layers of equally large groups, but the deepest."""
    return tuple(depth * n // groups for n in range(1, groups))


def wrong(kind: Kind, depth: int, towers: int) -> float:
    """Share of smooth towers in which groups are found."""
    random = np.random.default_rng(depth)
    return sum(bool(find_changes(tower(kind, depth, random), kind.noise).found) for _ in range(towers)) / towers


@dataclass(frozen=True)
class Power:
    """Shares of towers with groups: some were found, the right number, every border in its place and no other."""

    some: float
    number: float
    exact: float


def power(kind: Kind, depth: int, borders: tuple[int, ...], extra: Values, towers: int) -> Power:
    random = np.random.default_rng(depth)
    found = [find_changes(tower(kind, depth, random, extra), kind.noise).borders for _ in range(towers)]
    return Power(
        some=sum(bool(f) for f in found) / towers,
        number=sum(len(f) == len(borders) for f in found) / towers,
        exact=sum(f == borders for f in found) / towers,
    )


def planted() -> Iterator[tuple[str, int, tuple[int, ...], Values]]:
    for depth in (12, 24, 48):
        for groups in (2, 3, 4):
            for factor in (2.0, 3.0, 5.0):
                at = places_of(depth, groups)
                yield f"{groups} groups, jumps x {factor:.0f}", depth, at, jumps(depth, at, factor)
        at = places_of(depth, 2)
        for factor in (2.0, 4.0):
            yield f"2 groups, second {factor:.0f} x slower", depth, at, paces(depth, at, factor)


def main() -> None:
    console = Console()
    table = Table("smooth towers", *[f"{depth} layers" for depth in DEPTHS], title="groups found where there are none")
    for name, kind in SMOOTH.items():
        shares = [wrong(kind, depth, NULLS) for depth in DEPTHS]
        table.add_row(name, *[f"{100 * s:.1f} % ± {196 * sqrt(s * (1 - s) / NULLS):.1f}" for s in shares])
    console.print(table)
    table = Table("towers with groups", "layers", "some found", "right number", "all borders exact")
    for name, depth, borders, extra in planted():
        found = power(SMOOTH["even pace, exponential"], depth, borders, extra, PLANTED)
        table.add_row(name, str(depth), *[f"{100 * s:.0f} %" for s in (found.some, found.number, found.exact)])
    console.print(table)


if __name__ == "__main__":
    main()
