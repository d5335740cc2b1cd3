"""How often the range of a rank correlation holds the true one, for the shipped way and two others.

`python -m benchmarks.rank_range [studies]` (default 200; 20 minutes on one core) prints the table of docs/probes.md.
Made-up studies of one category and 300 questions; layers rise evenly from 50 % by a total gap. A predictor has one
fixed order: the true one, one with neighbours exchanged, or a random one, each in a third of the studies.

- ranks: the shipped way (report/rank_correlation.py)
- drawn: accuracies drawn anew with the same noise; the middle 95 % of their correlations
- Fisher: 95 % by Fisher's transformation, as if the layers were drawn from many
"""

import sys
from dataclasses import dataclass
from math import atanh, tanh

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.stats import rankdata, spearmanr

from benchmarks.statistics_parts.draw import Shares, beta, either, sheets
from shallowsight.evaluate.statistics.equal_range import range_of_equals
from shallowsight.evaluate.statistics.noise import seed_noise
from shallowsight.report.rank_correlation import rank_range

GAPS = (0.02, 0.1, 0.3)  # of the best and the worst layer
SEEDS = (2, 3, 5)
LAYERS = (5, 12)
QUESTIONS = 300
DRAWS = 400
NOISES = ("equal", "one 5 x sd", "learns or not")
WAYS = ("ranks", "drawn", "Fisher")

Range = tuple[float, float]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Seen:
    """What a made-up study shows of each layer."""

    trained: list[float]
    noise: float  # the range that equal layers stay below
    errors: Floats  # standard error of each mean for other trainings


def study(true: Floats, seeds: int, kind: str, rng: Generator) -> Seen | None:
    """None where so few seeds tell no noise."""
    drawn = [_scores(float(mean), seeds, kind, number, rng) for number, mean in enumerate(true)]
    (sheet,) = sheets([np.clip(each, 0, 1)[None] for each in drawn], (1,) * QUESTIONS, Shares(), rng).values()
    (noise,) = seed_noise([sheet], None)
    limit = range_of_equals(noise, dict.fromkeys(sheet.settings, seeds))
    if limit is None:
        return None
    errors = np.array([(noise[setting].variance / seeds) ** 0.5 for setting in sheet.settings])
    return Seen([float(parts.sum(axis=1).mean()) for parts in sheet.parts], limit, errors)


def _scores(mean: float, seeds: int, kind: str, number: int, rng: Generator) -> Floats:
    if kind == "learns or not":
        return either(mean, 0.1, (seeds,), rng, learns=0.7)
    return beta(mean, 0.1 if kind == "one 5 x sd" and number == 1 else 0.02, (seeds,), rng)


def order(layers: int, number: int, rng: Generator) -> Floats:
    """What a predictor says of each layer."""
    said = np.arange(layers, dtype=np.float64)
    if number % 3 == 1:
        first = rng.integers(layers - 1)
        said[[first, first + 1]] = said[[first + 1, first]]
    return rng.permutation(said) if number % 3 == 2 else said


def drawn_anew(said: Floats, seen: Seen, rng: Generator) -> Range:
    again = np.array(seen.trained) + rng.standard_normal((DRAWS, len(said))) * seen.errors
    ranks = rankdata(again, axis=1) - (len(said) + 1) / 2  # all different, so that every order has the same size
    found = ranks @ (said - said.mean()) / (ranks[0] @ ranks[0])
    return float(np.quantile(found, 0.025)), float(np.quantile(found, 0.975))


def fisher(said: Floats, seen: Seen) -> Range:
    rho = float(spearmanr(said, seen.trained).statistic)
    middle, half = atanh(np.clip(rho, -0.999, 0.999)), 1.96 * (1.06 / (len(said) - 3)) ** 0.5
    return tanh(middle - half), 1.0 if rho > 0.999 else tanh(middle + half)


def row(layers: int, seeds: int, gap: float, kind: str, studies: int) -> str:
    rng = np.random.default_rng([layers, seeds, round(1000 * gap), *kind.encode()])
    true = 0.5 + gap * np.linspace(0, 1, layers)
    held, widths, judged = np.zeros(len(WAYS)), np.zeros(len(WAYS)), 0
    for number in range(studies):
        said, seen = order(layers, number, rng), study(true, seeds, kind, rng)
        if seen is None:
            continue
        shipped = rank_range(said.tolist(), seen.trained, seen.noise)
        if shipped is None:
            continue
        rho = float(spearmanr(said, true).statistic)
        ranges = np.array([shipped, drawn_anew(said, seen, rng), fisher(said, seen)])
        held += (ranges[:, 0] <= rho + 1e-9) & (ranges[:, 1] >= rho - 1e-9)
        widths += ranges[:, 1] - ranges[:, 0]
        judged += 1
    head = f"| {layers} | {seeds} | {100 * gap:.0f} | {kind} |"
    if not judged:
        return head + " noise unknown |" * len(WAYS)
    shares, wide = 100 * held / judged, widths / judged
    return head + "".join(f" {share:.0f} ({width:.2f}) |" for share, width in zip(shares, wide, strict=True))


def main() -> None:
    studies = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    print(f"{studies} studies of each kind; the true correlation is in the range, in % (mean width of the range)\n")
    print(f"| layers | seeds | gap, points | noise | {' | '.join(WAYS)} |\n|{'---|' * (4 + len(WAYS))}")
    for layers in LAYERS:
        for seeds in SEEDS:
            for gap in GAPS:
                for kind in NOISES:
                    print(row(layers, seeds, gap, kind, studies), flush=True)


if __name__ == "__main__":
    main()
