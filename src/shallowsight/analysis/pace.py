"""Where a tower's layers stop changing at an even pace: a test whose answer may be "nowhere".

A *step* is 1 - similarity of two neighbouring layers; the *pace* of a tower is the size of its steps along depth. In a
smooth tower the logarithm of the steps is a smooth curve along depth (a polynomial of low degree, because towers change
faster at one end or in the middle) plus irregularity. Two things end a group of layers:
- a *jump*: one step that is at least twice the pace around it;
- a change of *pace*: from one step to the next, all steps become at most half as large, or at least twice.

Changes are searched greedily, each time the one that explains most of what is left. They count when they explain more
than the same search explains in 95 % of smooth towers with as many layers. The size of the irregularity need not be
known, because the share that a search explains does not depend on it.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import log
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

ERROR_RATE = 0.05  # of finding a change in a smooth tower
LEAST_CHANGE = 2.0  # times; a smaller change is no border, whatever its p, because a bend of the trend looks like it
MOST_CHANGES = 4
DRAWS = 1999  # smooth towers that the search is tried on
_STEPS_FOR_CUBIC = 16
_STEPS_PER_CHANGE = 4  # steps that are left for each change, beyond those that the curve takes
LEAST_NOISE = 0.002  # of a similarity: rounding, and what no choice of pictures shows
_TOO_LITTLE = 1e-9  # of a squared length; below this it is rounding


@dataclass(frozen=True)
class Change:
    """`after` is the last layer in front of it; `factor` is how much larger (or smaller, below 1) the steps become."""

    kind: Literal["jump", "pace"]
    after: int
    factor: float
    p: float


@dataclass(frozen=True)
class Changes:
    """The changes of a tower in the order they were found.

    `p` is the test of a smooth tower against any change, None where there are too few layers for a test.
    """

    found: tuple[Change, ...]
    p: float | None

    @property
    def borders(self) -> tuple[int, ...]:
        """The last layer of each group but the deepest one."""
        return tuple(sorted({change.after for change in self.found}))


def find_changes(similarity: Matrix, noise: float = 0.0) -> Changes:
    """The changes in an [L, L] similarity matrix; fewer than eight layers are too few to show one.

    Args:
        noise: how uncertain a similarity is, because pictures were chosen. It is added to each step, so that the errors
            of small steps do not look like changes.

    Raises:
        ValueError: the matrix is not square.
    """
    if similarity.ndim != 2 or similarity.shape[0] != similarity.shape[1]:
        raise ValueError(f"a similarity matrix is square, got the shape {similarity.shape}")
    steps = np.log(steps_of(similarity) + max(noise, LEAST_NOISE))
    chosen: tuple[int, ...] = ()
    found: list[Change] = []
    first_p: float | None = None
    while len(chosen) < most_changes(len(steps)):
        p, column, size = _next(steps, chosen)
        first_p = p if first_p is None else first_p
        if p > ERROR_RATE or abs(size) < log(LEAST_CHANGE):
            break
        found.append(_change(len(steps), column, size, p))
        chosen = (*chosen, column)
    return Changes(tuple(found), first_p)


def steps_of(similarity: Matrix) -> Matrix:
    """[L - 1]: 1 - similarity of layers 1 and 2, 2 and 3, ..."""
    return np.asarray(np.maximum(1.0 - np.diagonal(similarity, 1), 0.0))


def most_changes(steps: int) -> int:
    """How many changes so many steps can show."""
    terms = int(_smooth(steps).shape[1])
    return max(0, min(MOST_CHANGES, (steps - terms) // _STEPS_PER_CHANGE))


def _next(steps: Matrix, chosen: tuple[int, ...]) -> tuple[float, int, float]:
    """p of one more change (or several) beyond those chosen; the column that explains most, and its log factor."""
    left = most_changes(len(steps)) - len(chosen)
    unexplained, columns, sizes = _search(steps[None], chosen, left)
    if unexplained[0, 0] < _TOO_LITTLE:  # the curve explains everything
        return 1.0, 0, 0.0
    shares, smallest = _smooth_towers(len(steps), tuple(sorted(chosen)), left)
    own = unexplained[0, 1:] / unexplained[0, 0]
    best = min(_rank(shares[:, n], own[n]) for n in range(left))
    return _rank(smallest, best), int(columns[0]), float(sizes[0])


@lru_cache(maxsize=512)
def _smooth_towers(steps: int, chosen: tuple[int, ...], changes: int) -> tuple[Matrix, Matrix]:
    """What the search does in smooth towers.

    Returns:
        [DRAWS, changes]: the sorted shares that 1, 2, ... changes leave unexplained; [DRAWS]: the sorted smallest p
        of these shares within a tower, because the best number of changes is taken.
    """
    towers = np.random.default_rng(0).normal(size=(DRAWS, steps))
    unexplained = _search(towers, chosen, changes)[0]
    shares = unexplained[:, 1:] / unexplained[:, :1]
    ordered = np.sort(shares, axis=0)
    own = np.stack([np.searchsorted(ordered[:, n], shares[:, n], side="right") for n in range(changes)], axis=1)
    return ordered, np.sort(own.min(axis=1) / (DRAWS + 1))


def _rank(ordered: Matrix, value: float) -> float:
    return float(np.searchsorted(ordered, value, side="right") + 1) / (len(ordered) + 1)


def _search(towers: Matrix, chosen: tuple[int, ...], changes: int) -> tuple[Matrix, NDArray[np.int64], Matrix]:
    """The greedy search in T towers with n steps each.

    Returns:
        [T, changes + 1] sums of squares that are left; [T] column of the first change; [T] its size.
    """
    towers_T, n = np.arange(len(towers)), towers.shape[1]
    candidates = _candidates(n)
    base = np.linalg.qr(np.hstack([_smooth(n), candidates[:, list(chosen)]]))[0]
    rest = towers - towers @ base @ base.T
    effects = np.repeat((candidates - base @ (base.T @ candidates))[None], len(towers), axis=0)  # T, n, candidates
    left, first, sizes = [(rest**2).sum(axis=1)], np.zeros(0, dtype=np.int64), np.zeros(0)
    for number in range(changes):
        length = (effects**2).sum(axis=1)
        usable = length > _TOO_LITTLE
        size = np.where(usable, np.einsum("tn,tnc->tc", rest, effects) / np.where(usable, length, 1.0), 0.0)
        gain = size**2 * length
        gain[:, :n] = np.where(size[:, :n] > 0, gain[:, :n], 0.0)  # a jump is a larger step, never a smaller one
        best = gain.argmax(axis=1)
        if number == 0:
            first, sizes = best, size[towers_T, best]
        taken = effects[towers_T, :, best]
        taken = taken / np.sqrt(np.maximum((taken**2).sum(axis=1, keepdims=True), _TOO_LITTLE))
        rest = rest - taken * (rest * taken).sum(axis=1, keepdims=True)
        effects -= taken[:, :, None] * np.einsum("tn,tnc->tc", taken, effects)[:, None, :]
        left.append((rest**2).sum(axis=1))
    return np.stack(left, axis=1), first, sizes


def _smooth(steps: int) -> Matrix:
    """[steps, terms]: a parabola; in a deeper tower, which has more steps to tell them apart, a cubic."""
    return np.vander(np.linspace(-1.0, 1.0, steps), 4 if steps >= _STEPS_FOR_CUBIC else 3)


def _candidates(steps: int) -> Matrix:
    """[steps, candidates]: a jump at each step, then a change of pace after each, with two steps on either side."""
    places = np.arange(steps)
    paces = [(places >= first).astype(np.float64) for first in _first_new(steps)]
    return np.hstack([np.eye(steps), *[pace[:, None] for pace in paces]])


def _first_new(steps: int) -> range:
    """The places (from 0) of the first step with a new pace."""
    return range(2, steps - 1)


def _change(steps: int, column: int, size: float, p: float) -> Change:
    factor = float(np.exp(size))
    if column < steps:
        return Change("jump", column + 1, factor, p)
    # The layer between the old pace and the new one belongs to the side with the smaller steps: it resembles it more.
    last_old = _first_new(steps)[column - steps]  # number, from 1, of the last step with the old pace
    return Change("pace", last_old if size < 0 else last_old + 1, factor, p)
