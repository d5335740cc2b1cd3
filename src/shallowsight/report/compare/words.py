"""The comparison in sentences and in short texts, which terminal, Markdown and page have in common."""

from collections.abc import Sequence

from shallowsight.errors import ConfigurationError
from shallowsight.evaluate.statistics.family import ALPHA, OVERALL
from shallowsight.evaluate.statistics.two_studies import first_level
from shallowsight.report.compare.values import Compared, Difference, Recommended, Side, Verdict
from shallowsight.report.values import Member
from shallowsight.report.words import listed
from shallowsight.study.counts import counted

MARKS = {  # a sign beside the words, so that the meaning depends on neither colour nor sign alone
    Verdict.BETTER: "\N{BLACK UP-POINTING TRIANGLE}",
    Verdict.WORSE: "\N{BLACK DOWN-POINTING TRIANGLE}",
    Verdict.NOT_DISTINGUISHABLE: "\N{ALMOST EQUAL TO}",
    Verdict.SAME_MODEL: "=",
    Verdict.FEW_SEEDS: "?",
    Verdict.NOT_COMPARABLE: "?",
}
_ALL = 100.0  # points between a score of nothing and one of everything
RULE = (
    "Better or worse: the difference is more than other test pictures and other trainings explain, at "
    f"{100 * ALPHA:.0f} % for all comparisons of this page together (Holm). Not distinguishable does not mean equal: "
    "the interval says what is still possible. Intervals are at 95 %, each for its own difference."
)


def require_compared(compared: Compared) -> None:
    """Raises ConfigurationError when there is nothing that could be compared."""
    if any(d.verdict is not Verdict.NOT_COMPARABLE for d in compared.differences):
        return
    places = f"{compared.before.place} and {compared.after.place} cannot be compared"
    if not compared.pairs:
        first, second = (", ".join(m.setting for m in side.study.members) or "none" for side in _sides(compared))
        raise ConfigurationError(
            f"{places}: they have no setting in common; the first has {first}, the second {second}"
        )
    reasons = dict.fromkeys(d.why for d in compared.differences) or ["no training of both is finished"]
    raise ConfigurationError(f"{places}: {'; '.join(reasons)}")


def require_tested(compared: Compared) -> None:
    """Raises ConfigurationError when a gate could not fail: no difference was tested, for want of seeds."""
    if {difference.verdict for difference in _tested(compared)} == {Verdict.FEW_SEEDS}:
        raise ConfigurationError(
            "--fail-if-worse: no comparison has enough seeds, so that a worse model could not be seen; train more "
            "seeds in both studies, or compare without --fail-if-worse"
        )


def headline(compared: Compared) -> str:
    """The answer in one line."""
    worse, better = compared.having(Verdict.WORSE), compared.having(Verdict.BETTER)
    if not compared.pairs:
        return "The studies have no setting in common"
    if worse or better:
        parts = [f"{word} in {len(each)}" for word, each in (("worse", worse), ("better", better)) if each]
        return f"The second study is {' and '.join(parts)} of {counted(len(_tested(compared)), 'comparison')}"
    if not _tested(compared):
        same = compared.having(Verdict.SAME_MODEL)
        return "The same models: nothing was trained anew" if same else "Nothing could be compared"
    if all(d.verdict is Verdict.FEW_SEEDS for d in _tested(compared)):
        return "Too few seeds: no difference can be told from training noise"
    return "No difference is more than chance explains"


def sentences(compared: Compared) -> list[str]:
    """What is below the headline."""
    said = [
        f"{each.value.capitalize()}: {where(found)}."
        for each in (Verdict.WORSE, Verdict.BETTER)
        if (found := compared.having(each))
    ]
    for verdict, text in (
        (Verdict.SAME_MODEL, "the same model in both studies"),
        (Verdict.FEW_SEEDS, "without a verdict: too few seeds"),
        (Verdict.NOT_COMPARABLE, "not comparable"),
    ):
        if found := compared.having(verdict):
            labels = dict.fromkeys(d.pair.short for d in found)
            said.append(f"{text[0].upper()}{text[1:]}: {listed(list(labels))}.")
    said += _needed(compared)
    for name, members in (("first", compared.only_before), ("second", compared.only_after)):
        if members:
            said.append(f"Only in the {name} study: {_labels(members)}.")
    return [*said, *map(change_of, [r for r in compared.recommended if r.changed])]


def where(found: Sequence[Difference]) -> str:
    """`layer 7 on count and ocr; layer 9 on count`."""
    categories: dict[str, list[str]] = {}
    for d in found:
        categories.setdefault(d.pair.short, []).append(d.category)
    return "; ".join(f"{setting} on {listed(names)}" for setting, names in categories.items())


def change_of(r: Recommended) -> str:
    """A changed recommendation, and whether the second study supports it."""
    how = "supported" if r.supported else "not supported"
    return f"Recommendation for {r.category}: {r.before}, then {r.after}; this change is {how}: {r.why}."


def questions_of(compared: Compared) -> list[tuple[str, str]]:
    """What is compared, with the categories of which that is true: `count and ocr`, `paired: ...`."""
    found: dict[str, list[str]] = {}
    for name, each in compared.questions.items():
        found.setdefault(each.says, []).append(name)
    return [(listed(names), says) for says, names in found.items()]


def points(share: float | None, signed: bool = False) -> str:
    """`+3.2`, or `71.4`; a dash where it is unknown."""
    if share is None:
        return "\N{EN DASH}"
    value = round(100 * share, 1) + 0.0  # a gap of -0.0 has no side
    return (f"{value:+.1f}" if signed else f"{value:.1f}").replace("-", "\N{MINUS SIGN}")


def interval_of(d: Difference) -> str:
    """`-1.2 to +3.4`; empty where it is not known, or is of a model with itself."""
    if d.interval is None or d.verdict is Verdict.SAME_MODEL:
        return ""
    return " to ".join(points(end, signed=True) for end in d.interval)


def verdict_of(d: Difference) -> str:
    """The sign and the words, with the p-value where there is one."""
    p = "" if d.p is None else f", p = {d.p:.2g}" if d.p >= 1e-4 else ", p < 0.0001"
    return f"{MARKS[d.verdict]} {d.verdict.value}{p}"


def _tested(compared: Compared) -> list[Difference]:
    return [d for d in compared.differences if d.verdict not in (Verdict.SAME_MODEL, Verdict.NOT_COMPARABLE)]


def _needed(compared: Compared) -> list[str]:
    """How large a difference had to be: nobody should take a study that sees nothing for one that saw no change."""
    tested = _tested(compared)
    if not compared.having(Verdict.NOT_DISTINGUISHABLE):
        return []
    widest = OVERALL if any(d.category == OVERALL for d in tested) else tested[0].category
    alpha = first_level({(d.category, d.pair.before.setting): d.p for d in tested}, widest, ALPHA)
    known = [d.contrast.critical(alpha) for d in tested if d.category == widest and d.contrast]
    limits = sorted(100 * limit for limit in known if limit is not None)
    if not limits:
        return []
    where = f"over {OVERALL}" if widest == OVERALL else f"on {widest}"
    if limits[0] >= _ALL:
        return [f"With these seeds and pictures, no difference {where} could have counted: train more seeds."]
    low, high = f"{limits[0]:.1f}", f"{limits[-1]:.1f}"
    size = low if low == high else f"{low} to {high}" if limits[-1] < _ALL else f"{low} or more"
    return [f"With these seeds and pictures, a difference {where} had to be {size} points to count for sure."]


def _sides(compared: Compared) -> tuple[Side, Side]:
    return compared.before, compared.after


def _labels(members: tuple[Member, ...]) -> str:
    return listed([m.label for m in members])
