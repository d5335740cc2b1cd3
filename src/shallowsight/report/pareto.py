"""Accuracy against what a setting costs when its model answers: which settings are worth their cost."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt

from shallowsight.report.findings import Findings
from shallowsight.report.scores import Category
from shallowsight.report.short_names import short_names
from shallowsight.report.values import Member, Study
from shallowsight.report.words import depth

FEWEST = 3  # settings; fewer make no picture


@dataclass(frozen=True, kw_only=True)
class Place:
    """One setting, over all categories."""

    setting: str
    name: str  # short
    single: bool
    accuracy: float
    error: float  # standard error, for other pictures and, where training noise is known, other trainings
    share: float  # of the tower that must run: the deepest layer that is read, of all layers
    tokens: int | None  # of a picture
    operations: float | None  # of one question


@dataclass(frozen=True)
class Cost:
    """One kind of cost."""

    name: str
    of: Callable[[Place], float | None]
    unit: str  # as a format of the number


@dataclass(frozen=True)
class Front:
    """The settings by one kind of cost."""

    cost: Cost
    best: tuple[Place, ...]  # cheapest first: no other setting is as good and as cheap, and better in one of both


@dataclass(frozen=True, kw_only=True)
class Pareto:
    """The settings of a study, and for each kind of cost in which they differ the best of them."""

    category: str  # all of them together, or the only one
    places: tuple[Place, ...]  # best first
    fronts: tuple[Front, ...]


COSTS = (
    Cost("share of the tower that runs", lambda place: place.share, "{x:.0%}"),
    Cost("image tokens", lambda place: place.tokens, "{x:g}"),
    Cost("operations for one question, in billions", lambda place: _billions(place.operations), "{x:g}"),
)


def pareto(study: Study, findings: Findings) -> Pareto | None:
    """None with fewer than FEWEST settings that have results, or where they all cost the same."""
    whole = findings.every[-1] if findings.every else None  # without results there is no category
    if whole is None or len(whole.scores) < FEWEST:
        return None
    members = [m for m in study.members if m.setting in whole.scores]
    names = short_names(members)
    places = [_place(study, m, names[m.setting], whole) for m in members]
    fronts = tuple(Front(cost, front(places, cost)) for cost in COSTS if _differs(places, cost))
    if not fronts:
        return None
    return Pareto(category=whole.name, places=tuple(sorted(places, key=lambda p: -p.accuracy)), fronts=fronts)


def front(places: Sequence[Place], cost: Cost) -> tuple[Place, ...]:
    """The settings that no other one beats, cheapest first; all of them have this cost."""
    points = {place.setting: (-(cost.of(place) or 0.0), place.accuracy) for place in places}

    def beaten(place: Place) -> bool:
        own = points[place.setting]
        return any(other != own and other[0] >= own[0] and other[1] >= own[1] for other in points.values())

    return tuple(sorted((p for p in places if not beaten(p)), key=lambda p: -points[p.setting][0]))


def _place(study: Study, member: Member, name: str, whole: Category) -> Place:
    score = whole.scores[member.setting]
    noise = whole.judgement.noise.get(whole.name, {}).get(member.setting)
    trainings = noise.variance / len(score.seeds) if noise else 0.0
    return Place(
        setting=member.setting,
        name=name,
        single=member.single,
        accuracy=score.accuracy,
        error=sqrt(score.standard_error**2 + trainings),
        share=max(member.layers) / depth(study),
        tokens=member.image_tokens,
        operations=member.operations,
    )


def _differs(places: Sequence[Place], cost: Cost) -> bool:
    """Whether the cost of every setting is known, and not the same."""
    found = {cost.of(place) for place in places}
    return None not in found and len(found) > 1


def _billions(operations: float | None) -> float | None:
    return None if operations is None else operations / 1e9
