"""How often a comparison of two studies claims something false, and how large a drop it finds.

`python -m benchmarks.compare [pairs] [seed]` draws that many made-up pairs of studies of every kind (default 1,000) and
prints the tables of docs/compare.md (of drops a quarter of them). The other ways see the first tenth only.
"""

import os
import sys
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from math import sqrt

import numpy as np
from rich.console import Console

from benchmarks.compare_parts.cases import Case, drops, nulls
from benchmarks.compare_parts.ways import WAYS, Claims, chosen, even
from shallowsight.evaluate.statistics.contrast import COVERAGE

OTHERS = 10  # the other ways see one pair in so many
FEWER = 4  # a share of drops that is found need not be known as well as a share of false claims


@dataclass
class Counted:
    """What was counted over all pairs of one kind."""

    case: Case
    pairs: int
    others: int
    false: Counter[str] = field(default_factory=Counter)  # way -> pairs with a false claim
    found: Counter[str] = field(default_factory=Counter)  # way -> pairs in which a drop was claimed
    covered: int = 0
    intervals: int = 0


def count(case: Case, pairs: int, seed: int) -> Counted:
    """Draw pairs of one kind and count the claims of all ways."""
    rng = np.random.default_rng([seed, *case.name.encode()])
    result = Counted(case, pairs, max(pairs // OTHERS, 1))
    for number in range(pairs):
        drawn = case.drawn(rng)
        claims, contrasts = chosen(drawn)
        _add(result, "chosen", claims)
        _add(result, "even", even(contrasts))
        for key, c in contrasts.items():
            if c.p is not None and not case.dropped(*key):
                result.covered += c.p >= 1 - COVERAGE
                result.intervals += 1
        if number < result.others:
            for name, way in WAYS.items():
                _add(result, name, way(drawn))
    return result


def _add(result: Counted, way: str, claims: Claims) -> None:
    right = {key for key, sign in claims.items() if sign < 0 and result.case.dropped(*key)}
    result.false[way] += bool(set(claims) - right)
    result.found[way] += bool(right)


def rows(results: Iterable[Counted], what: str) -> Iterable[str]:
    """Markdown rows: the share of pairs, in percent."""
    yield f"| two studies | {' | '.join(['chosen', 'even', *WAYS])} | intervals cover |"
    yield "|---|" + "---|" * (len(WAYS) + 3)
    for r in results:
        counts = getattr(r, what)
        p = counts["chosen"] / r.pairs
        error = 100 * sqrt(p * (1 - p) / r.pairs)
        even_ones = f"{100 * counts['even'] / r.pairs:.1f}"
        others = [f"{100 * counts[way] / r.others:.0f}" for way in WAYS]
        covered = f"{100 * r.covered / r.intervals:.1f}" if r.intervals else ""
        yield f"| {r.case.name} | {100 * p:.1f} ± {error:.1f} | {' | '.join([even_ones, *others])} | {covered} |"


def main() -> None:
    pairs, seed = (int(x) for x in [*sys.argv[1:], *("1000", "1")[len(sys.argv) - 1 :]])
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{pairs} pairs of studies of each kind, {max(pairs // OTHERS, 1)} for the other ways, seed {seed}")
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for title, cases, what, number in (
            ("Equal studies: pairs with a false claim, in % (at most 5)", nulls(), "false", pairs),
            ("Drops: pairs in which one is found, in %", drops(), "found", max(pairs // FEWER, 1)),
        ):
            results = pool.map(count, cases, [number] * len(cases), [seed] * len(cases))
            console.print(f"\n{title}\n")
            for row in rows(results, what):
                console.print(row)


if __name__ == "__main__":
    main()
