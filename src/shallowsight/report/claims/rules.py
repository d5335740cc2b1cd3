"""Hold a claim of the paper against the paper's own numbers.

One run of each layer has no spread between seeds, so our tests can claim nothing. What is checked is an ordering of the
numbers beyond the error of reading them, no more.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np

from shallowsight.evaluate.statistics.family import Verdict
from shallowsight.report.claims import checks
from shallowsight.report.claims.as_study import made_anew
from shallowsight.report.claims.numbers import EVERY, GROUPS, Numbers, outside
from shallowsight.report.words import listed

_NO_CLAIM = {Verdict.FEW_SEEDS, Verdict.FEW_PICTURES, Verdict.NOT_DISTINGUISHABLE}


@dataclass(frozen=True)
class Held:
    """Whether a claim holds in the numbers (None: nothing that could be read says so), and what was found."""

    held: bool | None
    found: str


def hold(check: checks.Check, numbers: Numbers) -> Held:
    """Apply the rule of a claim."""
    return _RULES[type(check)](check, numbers)


def _as_read(check: checks.AsRead, numbers: Numbers) -> Held:
    wrong = []
    for series in numbers.paper.series:
        found = sum(series.values)
        if abs(found - series.total) > 0.5 * 10 ** -_digits(series.values):
            wrong.append(f"{series.name} adds up to {found:.6g}, not {series.total:g}")
    similarity, figure = numbers.similarity, numbers.paper.similarity
    if abs(similarity.sum() - figure.total) > 0.5 * 10 ** -_digits(similarity.ravel().tolist()):
        wrong.append(f"the similarities add up to {similarity.sum():.6g}, not {figure.total:g}")
    lopsided = float(abs(similarity - similarity.T).max())
    if lopsided > figure.error or abs(np.diag(similarity) - 1).max() > figure.error:
        wrong.append(f"the similarities are not symmetric with 1 on the diagonal (by {lopsided:.2g})")
    return Held(not wrong, "; ".join(wrong) or f"{len(numbers.paper.series)} sums and the similarities agree")


def _digits(values: Any) -> int:
    """How many decimals the most exact of these numbers has."""
    return max(len(f"{value:.6f}".rstrip("0").partition(".")[2]) for value in values)


def _no_verdict(check: checks.NoVerdict, numbers: Numbers) -> Held:
    judgement = numbers.findings.judgement
    pairs = judgement.pairs.values() if judgement else ()
    claimed = [pair for pair in pairs if pair.verdict not in _NO_CLAIM]
    held = bool(pairs) and not claimed and not numbers.findings.noise_known
    return Held(held, f"our tests claim {len(claimed) or 'none'} of {len(pairs):,} differences: training noise unknown")


def _made_of(check: checks.MadeOf, numbers: Numbers) -> Held:
    name = made_anew(check)
    apart = {layer: abs(numbers.score(name, layer) - numbers.score(check.series, layer)) for layer in EVERY}
    mean, worst = fmean(apart.values()), max(apart, key=lambda layer: apart[layer])
    held = mean <= check.mean + check.margin and apart[worst] <= check.largest + check.margin
    return Held(held, f"differences of {mean:.3f} on average, {apart[worst]:.3f} at most (layer {worst})")


def _groups(check: checks.Groups, numbers: Numbers) -> Held:
    borders = numbers.borders
    near = all(abs(a - b) <= w for a, b, w in zip(borders, check.borders, check.within, strict=True))
    ends = zip((0, *borders), (*borders, EVERY[-1]), check.representatives, strict=True)
    inside = all(first < layer <= last for first, last, layer in ends)
    found = f"groups end after layers {listed(borders)}"
    return Held(near and inside, found if inside else f"{found}; a representative is outside its group")


def _best_group(check: checks.BestGroup, numbers: Numbers) -> Held:
    layers, held, found = GROUPS[check.group], True, []
    for name in check.series:
        best, other = numbers.best(name, layers), numbers.best(name, outside(layers))
        held = held and numbers.higher(name, best, other)
        found.append(f"{name}: {numbers.written(name, best)} against {numbers.written(name, other)}")
    return Held(held, "; ".join(found))


def _layer_over_layer(check: checks.LayerOverLayer, numbers: Numbers) -> Held:
    series, (upper, lower) = numbers.series(check.series), check.stated
    held = upper > lower and numbers.higher(check.series, check.layer, check.over)
    if check.same_scale:
        pairs = zip((check.layer, check.over), check.stated, strict=True)
        held = held and all(abs(series.values[layer - 1] - stated) <= series.error for layer, stated in pairs)
    found = [f"{numbers.written(check.series, check.layer)} against {numbers.written(check.series, check.over)}"]
    if check.gap is not None:
        held = held and abs(upper - lower - check.gap) <= check.gap_within
        found.append(f"stated gap {upper - lower:.4g}")
    return Held(held, f"{series.source}: {'; '.join(found)}")


def _somewhere(check: checks.Somewhere, numbers: Numbers) -> Held:
    found = [
        f"{name}: {numbers.written(name, best)} against {numbers.written(name, other)}"
        for name in check.series
        for best, other in [(numbers.best(name, GROUPS[check.group]), numbers.best(name, GROUPS[check.over]))]
        if numbers.higher(name, best, other)
    ]
    return Held(bool(found), "; ".join(found) or "in none")


def _mostly(check: checks.Mostly, numbers: Numbers) -> Held:
    more = [name for name in check.series if numbers.higher(name, check.layer, check.over)]
    less = [name for name in check.series if numbers.higher(name, check.over, check.layer)]
    same = [name for name in check.series if name not in (*more, *less)]
    parts = (f"layer {check.layer} higher: ", more), (f"layer {check.over} higher: ", less), ("no difference: ", same)
    return Held(len(more) > len(less), "; ".join(text + listed(names) for text, names in parts if names))


def _gain(check: checks.Gain, numbers: Numbers) -> Held:
    percent = 100 * (check.after / check.before - 1)
    return Held(
        abs(percent - check.percent) <= check.within, f"from {check.before:g} to {check.after:g}: {percent:+.1f} %"
    )


def _dip(check: checks.Dip, numbers: Numbers) -> Held:
    names = [series.name for series in numbers.paper.series]
    dips = [
        layer
        for layer in EVERY[1:-1]
        if all(numbers.higher(name, beside, layer) for name in names for beside in (layer - 1, layer + 1))
    ]
    similarity = numbers.similarity
    like = {layer: (float(similarity[layer - 1, layer]), float(similarity[layer, layer + 1])) for layer in dips}
    noise = [layer for layer, both in like.items() if min(both) >= check.alike]
    found = [
        f"layer {layer} dips in all {len(names)} curves, alike by {a:.2f} and {b:.2f}" for layer, (a, b) in like.items()
    ]
    return Held(noise == [check.layer], "; ".join(found) or "no layer dips in every curve")


def _no_numbers(check: checks.NoNumbers, numbers: Numbers) -> Held:
    return Held(None, check.why)


_RULES: Mapping[type, Callable[[Any, Numbers], Held]] = {
    checks.AsRead: _as_read,
    checks.NoVerdict: _no_verdict,
    checks.MadeOf: _made_of,
    checks.Groups: _groups,
    checks.BestGroup: _best_group,
    checks.LayerOverLayer: _layer_over_layer,
    checks.Somewhere: _somewhere,
    checks.Mostly: _mostly,
    checks.Gain: _gain,
    checks.Dip: _dip,
    checks.NoNumbers: _no_numbers,
}
