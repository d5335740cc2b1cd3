"""How well probes predict trained models: the order of the layers by probes, and by the accuracy of trained models."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from shallowsight.evaluate.statistics.family import OVERALL
from shallowsight.report.findings import Findings
from shallowsight.report.probe_scores import ProbedBenchmark, Probes, ProbeScore
from shallowsight.report.rank_correlation import in_words, rank_range, spearman
from shallowsight.report.scores import Category
from shallowsight.report.values import Study
from shallowsight.report.words import count

LEAST_LAYERS = 4  # trained as single layers; with fewer, an order says nothing


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
    rho_range: tuple[float, float] | None  # whatever training noise hides; None: no rho, or the noise is unknown
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


def sentence(agreement: Agreement) -> str:
    """What a category says about probes as a predictor."""
    layers = len(agreement.trained)
    if layers < LEAST_LAYERS:
        return f"{count(layers, 'trained layer')}: too few to compare an order"
    if agreement.rho is None or agreement.p is None:
        return "all layers score the same: there is no order to compare"
    return f"rho = {in_words(agreement.rho, agreement.rho_range)} ({layers} layers, p = {agreement.p:.2g})"


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


@dataclass(frozen=True)
class _Trained:
    """The layers that were trained as single ones, in one category."""

    accuracies: Mapping[int, float]  # means over seeds
    noise: float | None  # the range that equally good ones stay below; None: unknown


def _trained(study: Study, category: Category | None) -> _Trained:
    if category is None:
        return _Trained({}, None)
    singles = [m for m in sorted(study.members, key=lambda m: m.layers) if m.single and m.setting in category.scores]
    return _Trained(
        {m.layers[0]: category.scores[m.setting].accuracy for m in singles},
        category.range_of_equals([m.setting for m in singles]),
    )


def _agreement(name: str, own: Sequence[ProbedBenchmark], trained: _Trained, weights: Sequence[int]) -> Agreement:
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


def _overall(found: Sequence[Agreement], trained: _Trained) -> Agreement:
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
    trained: _Trained,
) -> Agreement:
    accuracies = {layer: found for layer, found in trained.accuracies.items() if layer in probed}
    both = list(accuracies)
    enough = len(both) >= LEAST_LAYERS
    orders = [probed[i].accuracy for i in both], list(accuracies.values())
    agreed = spearman(*orders) if enough else None
    choice = max(both, key=lambda layer: probed[layer].accuracy) if enough else None
    return Agreement(
        category=name,
        n=n,
        rare=rare,
        without_picture=without,
        probed=probed,
        trained=accuracies,
        rho=agreed[0] if agreed else None,
        rho_range=rank_range(*orders, trained.noise) if agreed and trained.noise is not None else None,
        p=agreed[1] if agreed else None,
        choice=choice,
        below_best=None if choice is None else max(accuracies.values()) - accuracies[choice],
    )
