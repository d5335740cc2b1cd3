"""The figures of an analysis without a study: similarity maps, and profiles over layers."""

from collections.abc import Mapping, Sequence
from functools import partial
from math import ceil
from typing import TYPE_CHECKING, Any

from shallowsight.report.drawing import COLORS, STYLE, small_multiples, svg
from shallowsight.report.figures import draw_similarity, shade
from shallowsight.report.group_words import real_groups
from shallowsight.report.values import Analysis

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Maps = Sequence[tuple[str, Sequence[Sequence[float]]]]
Curve = tuple[Sequence[float], Sequence[float], Sequence[float] | None, Sequence[float] | None]  # x, y, low, high


class Profile:
    """Curves over layers with one title; a curve between neighbours lies at the half layers."""

    def __init__(self, title: str, curves: Mapping[str, Curve], logarithmic: bool = False, share: bool = False) -> None:
        self.title, self.curves, self.logarithmic, self.share = title, curves, logarithmic, share


def profiles_of(found: Mapping[str, Any]) -> list[Profile]:
    """The profiles of an analysis.json: steps between neighbours first, then the measures that have profiles."""
    pairs = found["neighbours"]
    at = [each["layers"][0] + 0.5 for each in pairs]
    steps = {
        shown: (
            at,
            [each[name] for each in pairs],
            [each[f"{name}_interval"][0] for each in pairs],
            [each[f"{name}_interval"][1] for each in pairs],
        )
        for name, shown in (("cosine", "cosine of patches"), ("cka", "CKA, pooled"))
    }
    profiles = [Profile("similarity to the next layer", steps)] if pairs else []
    layers = found["layers"]
    every = {name: each.get("profiles", {}) for name, each in found["measures"].items()}
    if values := every.get("procrustes"):
        (curve,) = values.values()
        profiles.append(Profile("Procrustes, to the next layer", {"similarity": (at, curve, None, None)}))
    if values := every.get("norms"):
        lengths = {name: (layers, values[name], None, None) for name in ("mean", "largest")}
        profiles.append(Profile("length of patch vectors", lengths, logarithmic=True))
        outliers = {"outliers": (layers, [100 * v for v in values["share of outliers"]], None, None)}
        profiles.append(Profile("patches with an outlying length", outliers, share=True))
    if values := every.get("effective_rank"):
        profiles.append(
            Profile("directions in use", {name: (layers, curve, None, None) for name, curve in values.items()})
        )
    if values := every.get("attention_distance"):
        heads = (layers, values["mean over heads"], values["nearest head"], values["farthest head"])
        profiles.append(Profile("attention distance, in patches", {"mean; nearest to farthest head": heads}))
    return profiles


def maps_of(found: Mapping[str, Any]) -> Maps:
    """The matrices of an analysis.json with their names; those of the sample where a measure did not take all."""
    titles = {
        "cosine_patch": "cosine, patches",
        "cosine_class": "cosine, class token",
        "cosine_pooled": "cosine, pooled",
        "cka_pooled": "CKA, pooled",
        "cka_tokens": "CKA, patches",
        "cka_rbf": "CKA, pooled, Gaussian kernel",
        "mutual_knn": "nearest pictures in common",
    }
    measures = found["measures"]
    first = [] if "cosine_patch" in measures else [("cosine, patches", found["cosine"])]
    return first + [(titles[name], each["matrix"]) for name, each in measures.items() if "matrix" in each]


def maps_png(analysis: Analysis, maps: Maps) -> bytes:
    """All maps as small multiples."""
    panels = [(name, partial(draw_similarity, analysis=analysis, matrix=matrix)) for name, matrix in maps]
    return small_multiples(panels, (4.0, 3.7), pad=16)


def profiles_png(analysis: Analysis, profiles: Sequence[Profile]) -> bytes:
    """All profiles as small multiples."""
    panels = [(each.title, partial(draw_profile, analysis=analysis, profile=each)) for each in profiles]
    return small_multiples(panels, (4.0, 2.8), pad=16)


def profile_svg(analysis: Analysis, profile: Profile) -> str:
    """One profile for the page."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(3.6, 2.4), layout="constrained")
        draw_profile(figure.subplots(), analysis, profile)
        return svg(figure, f"{profile.title}, over layers")


def draw_profile(axes: "Axes", analysis: Analysis, profile: Profile) -> None:
    """Curves over layers, with a band between low and high; groups are shaded."""
    shade(axes, real_groups(analysis))
    for (name, (x, y, low, high)), color in zip(profile.curves.items(), ("layer", "fusion"), strict=False):
        if low is not None and high is not None:
            axes.fill_between(x, low, high, color=COLORS[color], alpha=0.18, lw=0, zorder=2)
        axes.plot(x, y, "-o", color=COLORS[color], lw=1.6, ms=3.2, label=name, zorder=3)
    axes.set_xlim(analysis.layers[0] - 0.5, analysis.layers[-1] + 0.5)
    if profile.logarithmic:
        from matplotlib.ticker import LogLocator, NullFormatter

        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.yaxis.set_major_formatter("{x:g}")  # the usual one writes powers as formulas, which are not parsed
    elif profile.share:
        highest = max(max(y) for _, y, _, _ in profile.curves.values())
        axes.set_ylim(0, max(1.08 * highest, 1.0))
        axes.yaxis.set_major_formatter("{x:g}%")
    step = max(1, ceil(len(analysis.layers) / 12))
    axes.set_xticks(analysis.layers[::step])
    axes.tick_params(length=3, labelsize=8, which="both")
    axes.grid(axis="y", color=COLORS["rule"], lw=0.6, alpha=0.7)
    axes.set_axisbelow(True)
    if len(profile.curves) > 1 or any(low is not None for _, _, low, _ in profile.curves.values()):
        axes.legend(frameon=False, fontsize=8, labelcolor=COLORS["muted"])
