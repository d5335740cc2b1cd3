"""How well probes predict trained models: the order of the layers by probes, and by the accuracy of trained models."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from shallowsight.evaluate.statistics.family import OVERALL
from shallowsight.report.findings import Findings
from shallowsight.report.probe_scores import ProbedBenchmark, Probes, ProbeScore
from shallowsight.report.scores import Category
from shallowsight.report.values import Member, Study
from shallowsight.report.words import count

LEAST_LAYERS = 4  # trained as single layers; with fewer, an order says nothing
_EXACT = 8  # layers, whose orders are all tried; of more, some are drawn
_DRAWS = 20_000


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """One category: the probes at every layer, and how their order agrees with the trained layers' order."""

    category: str
    n: int  # questions
    rare: float  # share of the questions whose answer the probes cannot give
    without_picture: float  # accuracy of probes that read the question only
    probed: Mapping[int, ProbeScore]  # by layer
    trained: Mapping[int, float]  # mean accuracy over seeds of single layers
    rho: float | None  # Spearman's, over the trained layers; None: too few, or all equal
    p: float | None  # share of all orders of the layers that agree as well or better
    choice: int | None  # of the trained layers, the one with the highest probe
    below_best: float | None  # how much less than the best trained layer it scores when trained


def agreements(study: Study, findings: Findings) -> list[Agreement]:
    """Every category that was probed, also those without results yet; all categories together at the end."""
    if study.probes is None:
        return []
    scored = {category.name: category for category in findings.every}
    found = []
    for name in dict.fromkeys(b.category for b in study.probes.benchmarks):
        own = [b for b in study.probes.benchmarks if b.category == name]
        found.append(_agreement(name, own, _trained(study, scored.get(name)), [b.n for b in own]))
    if OVERALL in scored and {a.category for a in found} == {c.name for c in findings.categories}:
        found.append(_overall(found, _trained(study, scored[OVERALL])))
    return found


def spearman(one: Sequence[float], other: Sequence[float]) -> tuple[float, float] | None:
    """Spearman's rank correlation, and the share of all orders of `other` whose correlation is as large or larger.

    All orders of up to eight values are tried; of more, 20,000 are drawn, always the same. None: all values of one
    are equal.
    """
    from scipy.stats import rankdata

    a, b = (np.asarray(rankdata(values), dtype=np.float64) - (len(values) + 1) / 2 for values in (one, other))
    size = float(np.sqrt((a @ a) * (b @ b)))
    if not size:
        return None
    found, every = float(a @ b) / size, _orders(b) @ a / size
    return found, float((every >= found - 1e-9).mean())


def _orders(values: NDArray[np.float64]) -> NDArray[np.float64]:
    if len(values) <= _EXACT:
        return np.array(list(permutations(values)))
    random = np.random.default_rng(0)
    drawn = random.permuted(np.tile(values, (_DRAWS - 1, 1)), axis=1)
    return np.vstack([values, drawn])  # with the order that was seen, so that p is never 0


def sentence(agreement: Agreement) -> str:
    """What a category says about probes as a predictor."""
    layers = len(agreement.trained)
    if layers < LEAST_LAYERS:
        return f"{count(layers, 'trained layer')}: too few to compare an order"
    if agreement.rho is None or agreement.p is None:
        return "all layers score the same: there is no order to compare"
    return f"rho = {agreement.rho:.2f} ({layers} layers, p = {agreement.p:.2g})"


def summary(found: Sequence[Agreement]) -> str | None:
    """One line for the terminal; None without probes."""
    if not found:
        return None
    known = [(a.category, a.rho) for a in found if a.rho is not None]
    if not known:
        return f"probes: too few trained layers to compare an order; at least {LEAST_LAYERS} are needed"
    layers = sorted({len(a.trained) for a in found if a.rho is not None})
    words = ", ".join(f"{name} {rho:.2f}" for name, rho in known)
    many = str(layers[0]) if len(layers) == 1 else f"{layers[0]} to {layers[-1]}"
    return f"probes, a cheap predictor: rank correlation with the {many} trained layers: {words}"


def notes(probes: Probes) -> list[str]:
    """Sentences about benchmarks that were not probed, and about answers that probes cannot give."""
    rare = [f"{b.name} {100 * b.rare_test:.1f} %" for b in probes.benchmarks if b.rare_test]
    found = [f"Not probed: {name}: {reason}." for name, reason in probes.skipped.items()]
    if rare:
        found.append(f"Questions whose answer is too rare in training count as wrong: {', '.join(rare)}.")
    return found


def _trained(study: Study, category: Category | None) -> dict[int, float]:
    if category is None:
        return {}
    members: Iterable[Member] = (m for m in study.members if m.single and m.setting in category.scores)
    return {m.layers[0]: category.scores[m.setting].accuracy for m in sorted(members, key=lambda m: m.layers)}


def _agreement(
    name: str, own: Sequence[ProbedBenchmark], trained: Mapping[int, float], weights: Sequence[int]
) -> Agreement:
    """`own` benchmarks with weights; errors are of independent pictures."""
    total = sum(weights)

    def mean(values: Iterable[float]) -> float:
        return sum(w * value for w, value in zip(weights, values, strict=True)) / total

    def root(values: Iterable[float]) -> float:
        return float(sum((w * value) ** 2 for w, value in zip(weights, values, strict=True)) ** 0.5) / total

    probed = {
        layer: ProbeScore(
            accuracy=mean(b.layers[layer].accuracy for b in own),
            sd=root(b.layers[layer].sd for b in own),
            error=root(b.layers[layer].error for b in own),
        )
        for layer in own[0].layers
    }
    without, rare = mean(b.without_picture.accuracy for b in own), mean(b.rare_test for b in own)
    return _compared(name, sum(b.n for b in own), rare, without, probed, trained)


def _overall(found: Sequence[Agreement], trained: Mapping[int, float]) -> Agreement:
    """All categories with the same weight."""
    probed = {
        layer: ProbeScore(
            accuracy=fmean(a.probed[layer].accuracy for a in found),
            sd=float(sum(a.probed[layer].sd ** 2 for a in found) ** 0.5) / len(found),
            error=float(sum(a.probed[layer].error ** 2 for a in found) ** 0.5) / len(found),
        )
        for layer in found[0].probed
    }
    rare, without = fmean(a.rare for a in found), fmean(a.without_picture for a in found)
    return _compared(OVERALL, sum(a.n for a in found), rare, without, probed, trained)


def _compared(
    name: str,
    n: int,
    rare: float,
    without: float,
    probed: Mapping[int, ProbeScore],
    trained: Mapping[int, float],
) -> Agreement:
    both = [layer for layer in trained if layer in probed]
    enough = len(both) >= LEAST_LAYERS
    agreed = spearman([probed[i].accuracy for i in both], [trained[i] for i in both]) if enough else None
    choice = max(both, key=lambda layer: probed[layer].accuracy) if enough else None
    return Agreement(
        category=name,
        n=n,
        rare=rare,
        without_picture=without,
        probed=probed,
        trained={layer: trained[layer] for layer in both},
        rho=agreed[0] if agreed else None,
        p=agreed[1] if agreed else None,
        choice=choice,
        below_best=None if choice is None else max(trained[i] for i in both) - trained[choice],
    )
