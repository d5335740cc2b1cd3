"""How often each way of testing claims something false, and how often it finds what is there.

`python -m benchmarks.statistics [studies] [seed]` draws that many made-up studies of every kind (default 1,000; half an
hour on two cores) and prints the tables of docs/statistics.md. The other ways see the first tenth of them only.
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

from benchmarks.statistics_parts import sequential
from benchmarks.statistics_parts.cases import Case, nulls, planted
from benchmarks.statistics_parts.draw import sheets
from benchmarks.statistics_parts.ways import WAYS, Claims, Drawn, chosen, draw_study
from shallowsight.evaluate.statistics.contrast import COVERAGE

OTHERS = 10  # the other ways see one study in so many
SEQUENTIAL = 300  # studies with added seeds, of each 1,000: each is judged at up to eight numbers of seeds
LARGE = 400  # contrasts; of studies with more only a tenth are drawn, and the old way is left out


@dataclass
class Counted:
    """What was counted over all studies of one kind."""

    case: Case
    studies: int = 0
    others: int = 0
    false: Counter[str] = field(default_factory=Counter)  # way -> studies with a false claim
    found: Counter[str] = field(default_factory=Counter)  # way -> studies in which a planted effect was claimed
    covered: int = 0
    intervals: int = 0


def count(case: Case, studies: int, seed: int) -> Counted:
    """Draw studies of one kind and count the claims of all ways."""
    rng = np.random.default_rng([seed, *case.name.encode()])
    result = Counted(case)
    pairs = len(case.seeds) * (len(case.seeds) - 1) // 2 * (case.categories + 1)
    ways = {name: way for name, way in WAYS.items() if name != "before" or pairs < LARGE}
    result.studies = studies if pairs < LARGE else max(studies // 10, 1)
    result.others = max(result.studies // OTHERS, 1)
    for number in range(result.studies):
        study = draw_study(case, sheets(case.scores(rng), case.sizes, case.shares, rng))
        _add(result, "chosen", chosen(study))
        _intervals(result, study)
        if number < result.others:
            for name, way in ways.items():
                _add(result, name, way(study))
    return result


def _add(result: Counted, way: str, claims: Claims) -> None:
    right = {key for key, sign in claims.items() if result.case.true(*key) * sign > 0}
    result.false[way] += bool(set(claims) - right)
    result.found[way] += bool(right)


def _intervals(result: Counted, study: Drawn) -> None:
    for (category, a, _), found in study.judgement.pairs.items():
        c = found.contrast
        if found.planned and c.p is not None:
            covered = c.tail(abs(c.gap - result.case.true(category, a)))
            result.covered += covered is not None and covered >= 1 - COVERAGE
            result.intervals += 1


def rows(results: Iterable[Counted], what: str) -> Iterable[str]:
    """Markdown rows: the share of studies, in percent."""
    yield f"| study | {' | '.join(['chosen', *WAYS])} | intervals cover |"
    yield "|---|" + "---|" * (len(WAYS) + 2)
    for r in results:
        counts = getattr(r, what)
        p = counts["chosen"] / r.studies
        error = 100 * sqrt(p * (1 - p) / r.studies)
        others = [f"{100 * counts[w] / r.others:.0f}" if w != "before" or w in counts else "" for w in WAYS]
        covered = f"{100 * r.covered / r.intervals:.1f}" if r.intervals else ""
        yield f"| {r.case.name} | {100 * p:.1f} ± {error:.1f} | {' | '.join(others)} | {covered} |"


def main() -> None:
    studies, seed = (int(x) for x in [*sys.argv[1:], *("1000", "1")[len(sys.argv) - 1 :]])
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{studies} studies of each kind, {max(studies // OTHERS, 1)} for the other ways, seed {seed}")
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for title, cases, what in (
            ("Nulls: studies with a false claim, in % (at most 5)", nulls(), "false"),
            ("Planted: studies in which it is found, in %", planted(), "found"),
        ):
            results = pool.map(count, cases, [studies] * len(cases), [seed] * len(cases))
            console.print(f"\n{title}\n")
            for row in rows(results, what):
                console.print(row)
        drawn = sequential.cases()
        fewer = max(studies * SEQUENTIAL // 1000, 1)
        results = pool.map(sequential.count, drawn, [fewer] * len(drawn), [seed] * len(drawn))
        console.print(f"\nSeeds added to undecided settings: {fewer} studies of each kind\n")
        for row in sequential.rows(results):
            console.print(row)


if __name__ == "__main__":
    main()
