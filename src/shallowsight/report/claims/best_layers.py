"""Where the best layer of a category lies: among the layers that cannot be told from it, with 95 %."""

from collections.abc import Iterator, Sequence
from itertools import combinations

from shallowsight.evaluate.statistics.family import Verdict
from shallowsight.report.claims import questions
from shallowsight.report.claims.directions import Asked, Direction, Found, named
from shallowsight.report.claims.places import place_of
from shallowsight.report.scores import Category
from shallowsight.report.values import Member
from shallowsight.report.words import count, listed


def best(question: questions.Best, asked: Asked) -> Iterator[Found]:
    """Each category of the study that the question names; one line that says it was not run without any."""
    asked_for = [c for c in asked.findings.categories if c.name.casefold() in question.categories]
    if not asked_for:
        names = listed(question.categories, "or")
        yield question.about, Direction.NOT_RUN, f"the study has no category {names} with results"
    for category in asked_for:
        yield (question.about, *_best_in(category, question, asked))


def somewhere(question: questions.Somewhere, asked: Asked) -> Iterator[Found]:
    """One answer for all categories together."""
    found = {c.name: _best_in(c, question, asked) for c in asked.findings.categories}
    judged = {name: direction for name, (direction, _) in found.items() if direction is not Direction.NOT_RUN}
    where = [name for name, direction in judged.items() if direction is Direction.SAME]
    if not judged:
        why = next((why for _, why in found.values()), "no category has results")
        yield question.about, Direction.NOT_RUN, why
    elif where:
        yield question.about, Direction.SAME, f"in {listed(where)}"
    elif set(judged.values()) == {Direction.OTHER}:
        yield question.about, Direction.OTHER, f"the best layer is a deep one everywhere: {listed(list(judged))}"
    else:
        yield (
            question.about,
            Direction.UNCLEAR,
            f"nowhere are all deep layers shown not to be best: {listed(list(judged))}",
        )


def _best_in(category: Category, question: questions.Best | questions.Somewhere, asked: Asked) -> tuple[Direction, str]:
    singles = [m for m in asked.singles if m.setting in category.scores]
    layers = [m.layers[0] for m in singles]
    inside = [layer for layer in layers if place_of(layer, asked.depth) in question.places]
    if not inside or len(inside) == len(layers):
        missing = "inside" if not inside else "outside"
        return Direction.NOT_RUN, f"no layer {missing} the {listed(question.places, 'or')} ones was evaluated alone"
    if not category.judgement.noise.get(category.name):
        return Direction.UNCLEAR, str(Verdict.FEW_SEEDS)
    found = [asked.study.member(s).layers[0] for s in category.judgement.best[category.name]]
    kept = [layer for layer in found if layer in inside]
    top = category.best(asked.singles)
    assert top is not None  # the category has results of single layers
    highest = f"{category.name}: {asked.study.member(top.setting).label} scores highest"
    if len(found) == 1:
        why = f"{highest}; {named(sorted(set(layers) - set(found)))} shown to be worse"
    elif len(found) == len(layers):
        why = f"{highest}; none of {named(layers)} can be told from the best one"
    else:
        why = f"{highest}; {listed(sorted(found))} of {named(layers)} cannot be told from the best one"
    if unfinished := _not_levelled(category, singles):
        why = f"{why}; {count(unfinished, 'difference')} not claimed: {Verdict.NOT_LEVELLED}"
    direction = Direction.SAME if len(kept) == len(found) else Direction.UNCLEAR if kept else Direction.OTHER
    return direction, why


def _not_levelled(category: Category, singles: Sequence[Member]) -> int:
    """How many differences between these layers are no accident, but not claimed."""
    pairs = (category.compare(a.setting, b.setting) for a, b in combinations(singles, 2))
    return sum(pair is not None and pair.verdict is Verdict.NOT_LEVELLED for pair in pairs)
