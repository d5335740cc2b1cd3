"""Whether the recommended layer of a category changed, and whether the second study supports the change."""

from collections.abc import Sequence

from shallowsight.evaluate.statistics.family import Verdict
from shallowsight.report.choice import Choice, versus
from shallowsight.report.compare.values import Pair, Recommended, Side

NOTHING = "no recommendation"


def recommended(before: Side, after: Side, pairs: Sequence[Pair]) -> tuple[Recommended, ...]:
    """Each category that both studies have a recommendation for, and all of them together."""
    second = {c.category.name: c for c in after.choices}
    return tuple(
        _recommended(first, second[first.category.name], pairs)
        for first in before.choices
        if first.category.name in second
    )


def _recommended(first: Choice, second: Choice, pairs: Sequence[Pair]) -> Recommended:
    old = next((p for p in pairs if first.chosen and p.before.setting == first.chosen.setting), None)
    same = first.chosen is second.chosen is None
    if first.chosen and second.chosen and old:
        same = old.after.setting == second.chosen.setting
    supported, why = (False, "") if same else _support(first, second, old)
    return Recommended(
        category=first.category.name,
        before=_named(first),
        after=_named(second),
        changed=not same,
        supported=supported,
        why=why,
    )


def _support(first: Choice, second: Choice, old: Pair | None) -> tuple[bool, str]:
    if first.chosen is None or second.chosen is None:
        return False, "one of the studies has no penultimate layer to compare with, and recommends nothing"
    if old is None:
        return False, f"the second study has no counterpart of {first.chosen.label}"
    found = second.category.compare(second.chosen.setting, old.after.setting)
    if found is None:
        return False, f"the second study has no result of {old.after.label}"
    said = f"in the second study, {second.chosen.label}: {versus(found, old.after.label)}"
    return found.verdict is Verdict.A_BETTER, said


def _named(choice: Choice) -> str:
    if choice.chosen is None:
        return NOTHING
    return f"{choice.chosen.label} ({'shown to beat the penultimate one' if choice.evidence else 'the usual choice'})"
