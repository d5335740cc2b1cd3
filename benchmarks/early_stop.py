"""How often an evaluation that ends early ends wrongly, and how many questions it saves.

`python -m benchmarks.early_stop`, about a minute on one core. Made-up evaluations: each picture has some questions and
a difficulty of its own that both settings share; a setting answers a question right with a probability. Looks are at
quarters of the pictures.
"""

from statistics import fmean

import numpy as np

from shallowsight.evaluate.statistics.early_stop import ALPHA, clearly_loses

STUDIES = 4000
LOOKS = 4
REFERENCE = 0.7  # accuracy of the setting that others are compared with
GAPS = (0.05, 0.0, -0.02, -0.05, -0.1, -0.2, -0.4)
SIZES = ((100, 1), (300, 1), (300, 5), (1000, 1))  # pictures, questions of each


def gaps_of(pictures: int, questions: int, gap: float, random: np.random.Generator) -> list[float]:
    """For each picture the mean score of the setting less that of the reference."""
    hard = 0.15 * random.normal(size=(pictures, 1))
    right = [
        random.random((pictures, questions)) < np.clip(REFERENCE + shift + hard, 0.02, 0.98) for shift in (gap, 0.0)
    ]
    return [float(each) for each in right[0].mean(axis=1) - right[1].mean(axis=1)]


def asked(gaps: list[float]) -> float:
    """The share of the pictures that are asked about; 1: the evaluation was not stopped."""
    before = 0
    for look in range(1, LOOKS):
        seen = len(gaps) * look // LOOKS
        if clearly_loses(gaps[:seen], len(gaps), before):
            return seen / len(gaps)
        before = seen
    return 1.0


def main() -> None:
    print(f"alpha {ALPHA}, {STUDIES} evaluations of each kind, accuracy of the reference {REFERENCE:.0%}\n")
    print("| pictures x questions | truly better by | stopped | questions asked |\n|---|---|---|---|")
    for pictures, questions in SIZES:
        for gap in GAPS:
            random = np.random.default_rng([pictures, questions, round(1000 * (gap + 1))])
            shares = [asked(gaps_of(pictures, questions, gap, random)) for _ in range(STUDIES)]
            stopped = fmean(share < 1 for share in shares)
            error = (stopped * (1 - stopped) / STUDIES) ** 0.5
            print(
                f"| {pictures} x {questions} | {100 * gap:+.0f} points | {100 * stopped:.2f} ± {100 * error:.2f} % "
                f"| {100 * fmean(shares):.0f} % |"
            )


if __name__ == "__main__":
    main()
