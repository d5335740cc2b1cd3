"""What the planned comparisons of a study say to a claim: 5 % for anything false among all of them."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from shallowsight.evaluate.statistics.family import Comparison, Verdict
from shallowsight.report.claims import questions
from shallowsight.report.claims.directions import Asked, Direction, Found, named
from shallowsight.report.claims.places import place_of
from shallowsight.report.scores import Category
from shallowsight.report.values import Member
from shallowsight.report.words import listed


def last(question: questions.Last, asked: Asked) -> Iterator[Found]:
    """The penultimate layer against the last one."""
    usual, last = asked.study.role("penultimate"), asked.study.role("last")
    missing = [name for name, member in (("penultimate", usual), ("last", last)) if member is None or not member.done]
    if usual is None or last is None or missing:
        yield question.about, Direction.NOT_RUN, f"no result of the {listed(missing)} layer"
    else:
        found = {c.name: c.compare(usual.setting, last.setting) for c in asked.findings.categories}
        yield (question.about, *_mostly(found, f"{usual.label} against {last.label}"))


def fusion(question: questions.Fusion, asked: Asked) -> Iterator[Found]:
    """Each fusion of the paper's kind against the penultimate layer, or against every single layer."""
    fusions = [m for m in asked.study.members if m.done and _is_the_papers(m, asked.depth)]
    usual = asked.study.role("penultimate")
    if not fusions:
        yield question.about, Direction.NOT_RUN, "no result of a concat of a shallow, a middle and a deep layer"
    elif question.over == "penultimate" and (usual is None or not usual.done):
        yield question.about, Direction.NOT_RUN, "no result of the penultimate layer"
    else:
        for fusion in fusions:
            found = {c.name: _against(c, fusion, usual, question.over) for c in asked.findings.categories}
            yield (question.about, *_mostly(found, fusion.label))


def pair(question: questions.Pair, asked: Asked) -> Iterator[Found]:
    """Two layers of the paper's tower, in a category that is one benchmark."""
    yield (question.about, *_pair_of(question, asked))


def _against(category: Category, fusion: Member, usual: Member | None, over: str) -> Comparison | None:
    if over == "every layer":
        return category.judgement.against_best.get((category.name, fusion.setting))
    return category.compare(fusion.setting, usual.setting) if usual else None


def _is_the_papers(member: Member, depth: int) -> bool:
    """One layer or more of each of the paper's three groups, side by side, through the study's own connector."""
    plain = member.fusion == "concat" and member.connector is None
    return plain and {place_of(layer, depth) for layer in member.layers} == {"shallow", "middle", "deep"}


def _pair_of(question: questions.Pair, asked: Asked) -> tuple[Direction, str]:
    if asked.study.tower != asked.paper.tower:
        return Direction.NOT_RUN, f"asks about layers {question.layer} and {question.over} of {asked.paper.tower}"
    alone = [c for c in asked.findings.categories if c.benchmarks == (question.benchmark,)]
    if not alone:
        return Direction.NOT_RUN, f"no category of the study is {question.benchmark} alone"
    by_layer = {m.layers[0]: m for m in asked.singles if m.done}
    if missing := [layer for layer in (question.layer, question.over) if layer not in by_layer]:
        return Direction.NOT_RUN, f"no result of {named(missing)}"
    better, worse = by_layer[question.layer], by_layer[question.over]
    return _mostly({c.name: c.compare(better.setting, worse.setting) for c in alone}, better.label)


def _mostly(found: Mapping[str, Comparison | None], who: str) -> tuple[Direction, str]:
    """Of the categories in which a difference is claimed, in most; with how many there are of each kind."""
    known = {name: comparison for name, comparison in found.items() if comparison is not None}
    if not known:
        return Direction.NOT_RUN, "no category has results of both"
    more, less = (
        [n for n, c in known.items() if c.verdict is wanted] for wanted in (Verdict.A_BETTER, Verdict.B_BETTER)
    )
    rest = Counter(str(c.verdict) for n, c in known.items() if n not in (*more, *less))
    parts = [
        f"{who}: better in {_share(more, known)}",
        f"worse in {_share(less, known)}",
        *(f"{verdict} in {number} of {len(known)}" for verdict, number in rest.items()),
    ]
    if len(more) == len(less):
        return Direction.UNCLEAR, "; ".join(parts)
    return (Direction.SAME if len(more) > len(less) else Direction.OTHER), "; ".join(parts)


def _share(names: Sequence[str], whole: Mapping[str, object]) -> str:
    return f"{len(names)} of {len(whole)} ({', '.join(names)})" if names else "none"
