"""Successive halving on the paper's scores of 24 layers: its cost, and what it misses.

`python -m benchmarks.halving`, about two minutes on one core. Only the scores at the end are published. What a rung
would have shown is assumed: see `Early` in benchmarks/halving_parts/replay.py. So the tables say how much disagreement
between a rung and the end the plan bears, not how much there is.
"""

from collections.abc import Iterable, Sequence
from statistics import fmean

import numpy as np

from benchmarks.halving_parts.paper import USUAL, Values, mended, observed, training_noise
from benchmarks.halving_parts.replay import Early, Outcome, replay
from shallowsight.study.halving import Halving

DRAWS = 1000
PLANS = {
    "1/9, 1/3, 1": Halving(eta=3, representatives=False),
    "1/9, 1/3, 1; representatives": Halving(eta=3),
    "1/16, 1/4, 1": Halving(eta=4, representatives=False),
    "1/16, 1/4, 1; representatives": Halving(eta=4),
    "1/25, 1/5, 1; representatives": Halving(eta=5),
    "1/16, 1; representatives": Halving(eta=16, rungs=2),
}
EARLY = (
    Early("as at the end", 0.0),
    Early("spread 0.05", 0.05),
    Early("spread 0.1", 0.1),
    Early("spread 0.2", 0.2),
    Early("spread 0.4", 0.4),
    Early("deep layers late by 0.5", 0.05, slow=0.5),
    Early("deep layers late by 1", 0.05, slow=1.0),
)


def outcomes(plan: Halving, early: Early, noise: float, truth: Values) -> list[Outcome]:
    """Each with its own order, early scores and luck of the trainings; equal draws for all plans."""
    found = []
    for number in range(DRAWS):
        random = np.random.default_rng([number, round(1000 * noise)])
        luck = noise * random.normal(size=truth.shape[1])
        found.append(replay(plan, truth, luck, early, random))
    return found


def costs() -> None:
    """The cost of each plan over all draws and assumptions about the rungs, and if every rung began anew."""
    print("| plan | whole finetunings | at most 6.4 | if rungs restarted |\n|---|---|---|---|")
    for name, plan in PLANS.items():
        drawn = [each for early in EARLY for each in outcomes(plan, early, training_noise()[0], mended())]
        print(
            f"| {name} | {_spread(each.cost for each in drawn)} | {_share(each.cost <= 6.4 for each in drawn)} "
            f"| {_spread(each.restarted for each in drawn)} |"
        )


def misses(title: str, truth: Values, noise: float, floor: float) -> None:
    """One row for each plan and each assumption about the rungs."""
    usual = float(truth.mean(axis=0).max() - truth.mean(axis=0)[USUAL - 1])
    print(f"\n{title}; noise floor {floor:.3f}; layer {USUAL} alone, without any study, loses {usual:.3f}\n")
    print(
        "| plan | rungs show | rho of rung 1 | regret | 95 % | within the floor | best kept | worst category | loss |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for name, plan in PLANS.items():
        for early in EARLY:
            print(f"| {name} | {early.name} | {' | '.join(_cells(outcomes(plan, early, noise, truth), floor))} |")


def _cells(drawn: Sequence[Outcome], floor: float) -> list[str]:
    regrets = [each.regret for each in drawn]
    return [
        f"{fmean(each.agreement for each in drawn):.2f}",
        f"{fmean(regrets):.3f}",
        f"{np.quantile(regrets, 0.95):.3f}",
        _share(regret <= floor for regret in regrets),
        _share(each.best_kept for each in drawn),
        f"{fmean(each.worst_category for each in drawn):.2f}",
        f"{fmean(each.loss for each in drawn):.3f} ({fmean(each.loss_of_all for each in drawn):.3f})",
    ]


def _spread(numbers: Iterable[float]) -> str:
    found = list(numbers)
    return f"{fmean(found):.2f} ({min(found):.2f} to {max(found):.2f})"


def _share(truths: Iterable[bool]) -> str:
    found = list(truths)
    return f"{100 * sum(found) / len(found):.0f} %"


def main() -> None:
    calm, with_dips = training_noise()
    print(f"one training: sd {calm:.3f} without the dips at layers 19 and 21, {with_dips:.3f} with them\n")
    costs()
    misses("The published scores as they are", observed(), 0.0, calm)
    misses(f"Without the dips; each training sd {calm:.3f}", mended(), calm, calm)
    misses(f"Without the dips; each training sd {with_dips:.3f}", mended(), with_dips, with_dips)


if __name__ == "__main__":
    main()
