"""What the probes of an analysis with labels say: one sentence and one figure for each column."""

from collections.abc import Mapping
from typing import Any

from shallowsight.report.analysis_figures import Profile
from shallowsight.report.probe_scores import ProbedBenchmark, ProbeScore, read_probes
from shallowsight.report.words import ranges


def column_sentences(found: Mapping[str, Any]) -> list[str]:
    """A sentence for each column of an analysis.json; none where it has no labels."""
    if "probes" not in found:
        return []
    probes = read_probes(found["probes"])
    return [*map(_sentence, probes.benchmarks), *(f"{name}: not probed: {why}" for name, why in probes.skipped.items())]


def column_profiles(found: Mapping[str, Any]) -> list[Profile]:
    """Accuracy over layers with twice its error, and that of a probe without the picture."""
    return [_profile(each) for each in read_probes(found["probes"]).benchmarks] if "probes" in found else []


def _sentence(each: ProbedBenchmark) -> str:
    best = max(each.layers, key=lambda layer: each.layers[layer].accuracy)
    top = each.layers[best]
    near = [layer for layer, score in each.layers.items() if score.accuracy >= top.accuracy - 2 * _error(top)]
    others = "no other layer is" if len(near) == 1 else f"layers {ranges(near)} are"
    blind = each.without_picture.accuracy
    sentence = (
        f"{each.name}: layer {best} has the highest probe, {_percent(top.accuracy)} of {each.n} labels; {others} "
        f"within twice its error ({200 * _error(top):.1f} points). Without the picture: {_percent(blind)}."
    )
    if each.rare_test:
        sentence += f" {_percent(each.rare_test)} of the labels are too rare in training and count as wrong."
    return sentence


def _profile(each: ProbedBenchmark) -> Profile:
    layers = list(each.layers)
    scores = [each.layers[layer] for layer in layers]
    means = [100 * score.accuracy for score in scores]
    bars = [200 * _error(score) for score in scores]
    low = [mean - bar for mean, bar in zip(means, bars, strict=True)]
    high = [mean + bar for mean, bar in zip(means, bars, strict=True)]
    blind = [100 * each.without_picture.accuracy] * len(layers)
    curves = {"probe": (layers, means, low, high), "without the picture": (layers, blind, None, None)}
    return Profile(f"{each.name}: right answers", curves, share=True)


def _error(score: ProbeScore) -> float:
    """Of other pictures or of the seeds, whichever is larger."""
    return max(score.error, score.sd)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
