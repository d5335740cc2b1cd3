"""What a study can show, said before it runs: the smallest gap that it is likely to claim."""

from collections.abc import Sequence

from shallowsight.cost.texts import questions
from shallowsight.study.benchmarks import find_benchmark
from shallowsight.study.resolved import Resolved
from shallowsight.study.settings import Setting

SDS = (0.01, 0.03, 0.10)  # between trainings; those of the demo go from 1 to 40 points
USUAL_QUESTIONS = 300.0  # of a category, where the questions are not known before the data step
BETTER = 2  # seeds more, for comparison
USUAL = "penultimate"  # with which every setting is compared


def smallest_gaps(resolved: Resolved, settings: Sequence[Setting]) -> list[str]:
    """Sentences on a study with these settings: what it can claim with its seeds, and with more of them."""
    study = resolved.study
    if len(settings) < 2:
        return []
    if USUAL not in study.settings and not _fusions(settings):
        return [
            f"no comparison is planned, so nothing can be claimed: add `{USUAL}`, the usual choice, to the settings"
        ]
    more = len(study.seeds) + (len(study.more_seeds) or BETTER)
    return [*_said(resolved, settings, len(study.seeds)), *_said(resolved, settings, more)]


def _said(resolved: Resolved, settings: Sequence[Setting], seeds: int) -> list[str]:
    from shallowsight.evaluate.statistics.looks import level_of  # here, because it needs numpy
    from shallowsight.evaluate.statistics.power import Design

    categories = len({find_benchmark(name).category for name in resolved.base.benchmarks})
    known = questions(resolved.base) / categories
    fusions = _fusions(settings)
    design = Design(
        usual=USUAL in resolved.study.settings,
        singles=len(settings) - fusions,
        fusions=fusions,
        categories=categories,
        seeds=seeds,
        questions=known or USUAL_QUESTIONS,
        level=level_of(resolved.study.more_seeds),
    )
    begin = f"{seeds} seed{'s' * (seeds != 1)} x "
    begin += f"{known:.0f} questions a category" if known else f"{USUAL_QUESTIONS:.0f} questions a category (assumed)"
    if seeds < design.least_seeds:
        return [f"{begin}: nothing can be claimed; a claim needs at least {design.least_seeds} seeds of each setting"]
    gaps = {sd: [design.gap(sd), *([design.gap(sd, categories)] if categories > 1 else [])] for sd in SDS}
    if not any(gap for found in gaps.values() for gap in found):
        return [f"{begin}: no gap, however large, is claimed in 4 of 5 studies"]
    first, *rest = gaps
    names = ["points in one category", f"over all {categories}"] if categories > 1 else ["points"]
    texts = [", ".join(f"{_points(gap)} {name}" for gap, name in zip(gaps[first], names, strict=True))]
    texts += [", ".join(map(_points, gaps[sd])) for sd in rest]
    spreads = [f"training sd {100 * first:.0f}", *(f"sd {100 * sd:.0f}" for sd in rest)]
    each = "; ".join(f"{text} ({spread})" for text, spread in zip(texts, spreads, strict=True))
    return [f"{begin}: claimed in 4 of 5 studies is a gap of {each}"]


def _fusions(settings: Sequence[Setting]) -> int:
    return sum(len(set(s.layers.indices)) > 1 or s.connector is not None for s in settings)


def _points(gap: float | None) -> str:
    return "none" if gap is None else f"{100 * gap:.0f}"
