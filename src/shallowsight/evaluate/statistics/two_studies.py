"""The difference of one setting between two studies, for other pictures and other trainings.

The test is that of two settings of one study (contrast.py). Two things are new. The studies may have asked other
questions: pictures that only one of them has are then chance on its own side. And the noise between trainings is
estimated from the settings of both studies together, as if they were settings of one study, each with its own variance.

Trainings of the two studies count as independent, also where they have the same seed: what equal seeds have in common
makes their scores go together, so that the test errs on the careful side.

Shapes: G pictures.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, sqrt

from shallowsight.evaluate.statistics.answers import Floats
from shallowsight.evaluate.statistics.contrast import Contrast
from shallowsight.evaluate.statistics.noise import Noise, seed_noise
from shallowsight.evaluate.statistics.sheet import Sheet
from shallowsight.study.benchmarks import ALL_CATEGORIES as OVERALL

Key = tuple[str, str]  # category, setting of the first study


@dataclass(frozen=True)
class Sheets:
    """One category of two studies. `paired`: both sheets have the same questions about the same pictures."""

    before: Sheet
    after: Sheet
    paired: bool


@dataclass(frozen=True)
class NoiseOfTwo:
    """Of the settings of one category: setting -> noise, in each study."""

    before: Mapping[str, Noise]
    after: Mapping[str, Noise]


@dataclass(frozen=True)
class _Joined:
    """The settings of two studies as if they were those of one."""

    settings: tuple[str, ...]
    parts: tuple[Floats, ...]
    seed_variances: tuple[float, ...]
    flips: tuple[float, ...]


def noise_of_two(
    categories: Sequence[Sheets], whole: Sheets | None, repeated: frozenset[str] = frozenset()
) -> list[NoiseOfTwo]:
    """For each category, and at the end for `whole` if it is given.

    The settings `repeated` have the same trainings in both studies, which are counted once.
    """
    every = [*categories, *([whole] if whole else [])]
    found = seed_noise([_joined(c, repeated) for c in categories], _joined(whole, repeated) if whole else None)
    return [
        NoiseOfTwo(
            before={s: noise[f"before {s}"] for s in sheets.before.settings if f"before {s}" in noise},
            after={s: noise[f"after {s}"] for s in sheets.after.settings if f"after {s}" in noise},
        )
        for sheets, noise in zip(every, found, strict=True)
    ]


def contrast_of_two(sheets: Sheets, noise: NoiseOfTwo, before: str, after: str) -> Contrast:
    """The gap is the score of `after` in the second study less that of `before` in the first one."""
    at_b, at_a = sheets.before.settings.index(before), sheets.after.settings.index(after)
    seeds_b, seeds_a = len(sheets.before.seeds[at_b]), len(sheets.after.seeds[at_a])
    known = before in noise.before and after in noise.after
    total = _picture_variance(sheets, at_b, at_a)
    twice = sheets.before.flips[at_b] / seeds_b + sheets.after.flips[at_a] / seeds_a
    old, new = noise.before.get(before), noise.after.get(after)
    return Contrast(
        gap=sheets.after.mean(after) - sheets.before.mean(before),
        picture_variance=max(total - twice, 0.0) if known else total,
        training_variance=old.variance / seeds_b + new.variance / seeds_a if old and new else None,
        dof=min(old.dof, new.dof) if old and new else 0.0,
        n=min(sheets.before.questions, sheets.after.questions),
        images=min(len(sheets.before.images), len(sheets.after.images)),
        pictures=min(1 / float((s.shares_G**2).sum()) for s in (sheets.before, sheets.after)),
    )


def corrected(p_values: Mapping[Key, float | None]) -> dict[Key, float | None]:
    """Holm's correction over all differences, in which those over all categories have half of the weight.

    There are few of them and many of single categories, which with equal weights would hide that a setting became worse
    everywhere. The probability of any false claim stays below the level (weighted Holm: Holm 1979).
    """
    counts = Counter(category == OVERALL for category, _ in p_values)
    weights = {key: 1 / counts[key[0] == OVERALL] for key in p_values}
    # A difference without a p-value is a member that can never be claimed.
    ordered = sorted(p_values, key=lambda key: inf if (p := p_values[key]) is None else p / weights[key])
    found: dict[Key, float | None] = {}
    running, left = 0.0, sum(weights.values())
    for key in ordered:
        p = p_values[key]
        if p is not None:
            running = max(running, min(1.0, p / weights[key] * left))
        found[key] = None if p is None else running
        left -= weights[key]
    return found


def first_level(p_values: Mapping[Key, float | None], category: str, level: float) -> float:
    """The uncorrected p-value with which a difference of this category is claimed, whatever the others are."""
    counts = Counter(name == OVERALL for name, _ in p_values)
    return level / counts[category == OVERALL] / len(counts)


def _joined(sheets: Sheets, repeated: frozenset[str]) -> _Joined:
    kept = [(f"before {s}", sheets.before, i) for i, s in enumerate(sheets.before.settings)]
    kept += [(f"after {s}", sheets.after, i) for i, s in enumerate(sheets.after.settings) if s not in repeated]
    return _Joined(
        settings=tuple(name for name, _, _ in kept),
        parts=tuple(sheet.parts[i] for _, sheet, i in kept),
        seed_variances=tuple(sheet.seed_variances[i] for _, sheet, i in kept),
        flips=tuple(sheet.flips[i] for _, sheet, i in kept),
    )


def _picture_variance(sheets: Sheets, at_before: int, at_after: int) -> float:
    """As `picture_variance` of the difference; a picture that one study does not have adds nothing on its side."""
    old, new = _residuals(sheets.before, at_before), _residuals(sheets.after, at_after)
    if not sheets.paired:
        # Each study has pictures of its own, whatever their names.
        return sum(r**2 for side in (old, new) for r in side.values())
    return sum((new.get(image, 0.0) - old.get(image, 0.0)) ** 2 for image in {**old, **new})


def _residuals(sheet: Sheet, at: int) -> dict[str, float]:
    count = len(sheet.images)
    if count < 2:
        return {}
    mean_G = sheet.means[at]
    residual_G = (mean_G - mean_G.sum() * sheet.shares_G) * sqrt(count / (count - 1))
    return dict(zip(sheet.images, map(float, residual_G), strict=True))
