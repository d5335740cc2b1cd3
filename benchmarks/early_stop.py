"""How often an evaluation that ends early ends wrongly, and how many questions it saves.

`python -m benchmarks.early_stop`, two minutes on one core. Made-up evaluations: each picture has some questions and a
difficulty of its own that both settings share; a setting answers a question right with a probability, which differs
between trainings. Looks are at quarters of the pictures.

`python -m benchmarks.early_stop STUDY`: which settings of a finished study would have been stopped, from the answers
that are in its folder. Nothing is written.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import numpy as np

from shallowsight.data.records import Record
from shallowsight.evaluate.screened import looks_of, screened
from shallowsight.evaluate.statistics.early_stop import ALPHA, MARGIN, look_at
from shallowsight.report.inputs import read_study
from shallowsight.report.values import Member, Trial
from shallowsight.study.early_stop import LOOKS

EVALUATIONS = 2000
USUAL = 0.7  # accuracy of the setting that others are compared with


@dataclass(frozen=True)
class Kind:
    """One kind of made-up evaluations."""

    gaps: tuple[float, ...]  # the true gap of each category
    pictures: int = 300  # of a category
    questions: int = 1  # of a picture
    noise: float = 0.0  # standard deviation between trainings of one setting, the same in all categories at once
    undecided: float = 0.0  # share of the answers

    @property
    def cells(self) -> str:
        true = ", ".join(f"{100 * gap:+.0f}" for gap in dict.fromkeys(self.gaps))
        noise, undecided = 100 * self.noise, 100 * self.undecided
        size = f"{self.pictures} x {self.questions}"
        return f"| {len(self.gaps)} | {size} | {true} | {noise:.0f} | {undecided:.0f} % |"


def everywhere(gap: float) -> tuple[float, ...]:
    return (gap,) * 6


ONE = [Kind((gap,), pictures, n) for pictures, n in ((300, 1), (1000, 5)) for gap in (0.0, -0.05, -0.1, -0.2, -0.4)]
SIX = [Kind(everywhere(gap), pictures) for pictures in (300, 1000) for gap in (0.0, -0.05, -0.1, -0.2, -0.4)]
GOOD_IN_ONE = [Kind((gap, *[-0.4] * 5), 1000) for gap in (0.0, -0.05, -0.1)]
NOISY = [Kind(everywhere(0.0), 3000, noise=noise) for noise in (0.01, 0.02, 0.05)]
UNDECIDED = [Kind(everywhere(gap), 1000, undecided=0.1) for gap in (0.0, -0.2, -0.4)]


def gaps_of(kind: Kind, random: np.random.Generator) -> list["np.ndarray[tuple[int], np.dtype[np.float64]]"]:
    """For each category and picture the sum of the setting's scores less those of the usual choice."""
    shift = random.normal(scale=kind.noise, size=2) if kind.noise else np.zeros(2)
    found = []
    for gap in kind.gaps:
        size = (kind.pictures, kind.questions)
        hard = 0.15 * random.normal(size=(kind.pictures, 1))
        mine, theirs = (
            random.random(size) < np.clip(USUAL + by + hard, 0.02, 0.98) for by in (gap + shift[0], shift[1])
        )
        mine |= random.random(size) < kind.undecided  # as the rule counts them
        theirs &= random.random(size) >= kind.undecided
        found.append((mine.astype(float) - theirs).sum(axis=1))
    return found


def asked(kind: Kind, random: np.random.Generator) -> float:
    """The share of the pictures that are asked about; 1: the evaluation was not stopped."""
    gaps, lost, before = gaps_of(kind, random), set[int](), 0
    for look in range(1, LOOKS):
        seen = kind.pictures * look // LOOKS
        for category, found in enumerate(gaps):
            if look_at(found[:seen], [kind.questions] * seen, kind.pictures, before).clearly_loses:
                lost.add(category)
        if len(lost) == len(gaps):
            return seen / kind.pictures
        before = seen
    return 1.0


def simulate() -> None:
    print(f"alpha {ALPHA}, margin {MARGIN}, {EVALUATIONS} evaluations of each kind\n")
    print(
        "| categories | pictures x questions | truly better by | sd between trainings | undecided | stopped "
        "| questions asked |\n|---|---|---|---|---|---|---|"
    )
    for number, kind in enumerate((*ONE, *SIX, *GOOD_IN_ONE, *NOISY, *UNDECIDED)):
        random = np.random.default_rng(number)
        shares = [asked(kind, random) for _ in range(EVALUATIONS)]
        stopped = fmean(share < 1 for share in shares)
        error = (stopped * (1 - stopped) / EVALUATIONS) ** 0.5
        print(f"{kind.cells} {100 * stopped:.2f} ± {100 * error:.2f} % | {100 * fmean(shares):.0f} % |", flush=True)


def replay(folder: Path) -> None:
    """Print for each setting and seed of a study after which look it would have been stopped."""
    study = read_study(folder)
    usual = study.role("penultimate")
    if usual is None:
        sys.exit(f"{folder}: the study does not train the penultimate layer")
    theirs = {trial.seed: trial for trial in usual.done}
    saved = whole = 0
    print("| setting | seed | stopped after | questions asked | lost by the third look |\n|---|---|---|---|---|")
    for member in study.members:
        for trial in member.done if member is not usual else ():
            if trial.seed in theirs:
                left, count = _replay(member, trial, theirs[trial.seed], usual.setting)
                saved, whole = saved + left, whole + count
    print(f"\nnot asked: {saved} of {whole} questions of the settings but {usual.setting}")


def _replay(member: Member, trial: Trial, usual: Trial, name: str) -> tuple[int, int]:
    """Questions that would not have been asked, and questions."""
    rows, looks = _rows(trial), looks_of(sample.image_id for sample in trial.samples)
    found = screened(name, _rows(usual), lambda look: [row for row in rows if looks[row["image_id"]] == look])
    after = found.after if found.stopped else "not stopped"
    lost = {n for look in found.looks for n, each in look.items() if each.clearly_loses}
    every = list(dict.fromkeys(sample.category for sample in usual.samples))
    count = found.asked if found.stopped else len(rows)
    said = ", ".join(category for category in every if category in lost) or "none"
    print(f"| {member.setting} | {trial.seed} | {after} | {count} of {len(rows)} | {said} |")
    return len(rows) - count, len(rows)


def _rows(trial: Trial) -> Sequence[Record]:
    columns = ("benchmark", "category", "id", "image_id", "correct", "undecided")
    return [{column: getattr(sample, column) for column in columns} for sample in trial.samples]


def main(words: Sequence[str]) -> None:
    if words:
        replay(Path(words[0]))
    else:
        simulate()


if __name__ == "__main__":
    main(sys.argv[1:])
