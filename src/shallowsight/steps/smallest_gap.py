"""What a study can show, said before it runs: the smallest gap that it is likely to claim."""

from collections.abc import Sequence

from shallowsight.cost.texts import questions
from shallowsight.study.benchmarks import find_benchmark
from shallowsight.study.layers import Layers
from shallowsight.study.public_benchmarks import find_public
from shallowsight.study.resolved import Resolved
from shallowsight.study.settings import Setting

SDS = (0.01, 0.03, 0.10)  # between trainings; those of the demo go from 1 to 40 points
USUAL_QUESTIONS = 300.0  # of a category, where the questions are not known before the data step
MOST_OPTIONS = 4  # of a question of MMBench, which is asked in as many rotations
BETTER = 2  # seeds more, for comparison
USUAL = "penultimate"  # with which every setting is compared


def smallest_gaps(resolved: Resolved, settings: Sequence[Setting]) -> list[str]:
    """Sentences on a study with these settings: what it can claim with its seeds, and with more of them.

    Planned are the comparisons with the penultimate layer, and those of fusions and connectors with single layers.
    """
    study = resolved.study
    if len(settings) < 2:
        return []
    fusions = _fusions(settings)
    if not _has_usual(resolved, settings) and fusions in {0, len(settings)}:
        return [
            f"no comparison is planned, so nothing can be claimed: add `{USUAL}`, the usual choice, to the settings"
        ]
    more = len(study.seeds) + (len(study.more_seeds) or BETTER)
    return [text for seeds in (len(study.seeds), more) for text in _said(resolved, settings, fusions, seeds)]


def _said(resolved: Resolved, settings: Sequence[Setting], fusions: int, seeds: int) -> list[str]:
    from shallowsight.evaluate.statistics.looks import level_of  # here, because it needs numpy
    from shallowsight.evaluate.statistics.power import Design

    asked = (*resolved.base.own_benchmarks, *resolved.scored_rows)
    categories = len({find_benchmark(name).category for name in asked})
    known = _fewest_questions(resolved)
    design = Design(
        usual=_has_usual(resolved, settings),
        singles=len(settings) - fusions,
        fusions=fusions,
        categories=categories,
        seeds=seeds,
        questions=known or USUAL_QUESTIONS,
        level=level_of(resolved.study.more_seeds),
    )
    begin = f"{seeds} seed{'s' * (seeds != 1)} x "
    where = "in the smallest category" if resolved.scored_rows else "a category"
    begin += f"{known:.0f} questions {where}" if known else f"{USUAL_QUESTIONS:.0f} questions a category (assumed)"
    if seeds < design.least_seeds:
        return [f"{begin}: nothing can be claimed; a claim needs at least {design.least_seeds} seeds of each setting"]
    gaps = {sd: [design.gap(sd), *([design.gap(sd, categories)] if categories > 1 else [])] for sd in SDS}
    if not any(gap for found in gaps.values() for gap in found):
        return [f"{begin}: no gap, however large, is claimed in 4 of 5 studies"]
    first, *rest = gaps
    texts = [_named(gaps[first], categories)]
    texts += [", ".join(map(_points, gaps[sd])) for sd in rest]
    spreads = [f"training sd {100 * first:.0f}", *(f"sd {100 * sd:.0f}" for sd in rest)]
    each = "; ".join(f"{text} ({spread})" for text, spread in zip(texts, spreads, strict=True))
    return [f"{begin}: claimed in 4 of 5 studies is a gap of {each}"]


def _fewest_questions(resolved: Resolved) -> float:
    """Of the category with the fewest; the study's own questions are divided evenly. 0: not known yet."""
    own = {find_benchmark(name).category for name in resolved.base.own_benchmarks}
    found = dict.fromkeys(own, questions(resolved.base) / max(1, len(own)))
    if not all(found.values()):
        return 0.0
    for name, rows in resolved.scored_rows.items():
        benchmark = find_public(name)
        assert benchmark is not None
        # Rotations of one question are scored as one.
        count = rows // MOST_OPTIONS if benchmark.ours == "rotations" else rows
        found[benchmark.category] = found.get(benchmark.category, 0.0) + count
    return min(found.values(), default=0.0)


def _has_usual(resolved: Resolved, settings: Sequence[Setting]) -> bool:
    """Whether the penultimate layer is a setting, by its word or by its number."""
    depth = resolved.tower.depth
    return depth > 1 and Setting(Layers.of(depth - 1), "single") in settings


def _fusions(settings: Sequence[Setting]) -> int:
    """The settings that are neither one layer through the study's own connector nor the control of a concat."""
    return sum(not _alone(s) for s in settings)


def _alone(setting: Setting) -> bool:
    one_layer = len(set(setting.layers.indices)) == 1
    return one_layer and setting.fusion in {"single", "concat"} and setting.connector is None


def _named(gaps: Sequence[float | None], categories: int) -> str:
    """The gaps with what each is of; the word points stands behind the first number."""
    names = [" in one category", f" over all {categories}"] if categories > 1 else [""]
    number = next((place for place, gap in enumerate(gaps) if gap is not None), None)
    units = [" points" if place == number else "" for place in range(len(gaps))]
    return ", ".join(f"{_points(gap)}{unit}{name}" for gap, unit, name in zip(gaps, units, names, strict=True))


def _points(gap: float | None) -> str:
    return "none" if gap is None else f"{100 * gap:.0f}"
