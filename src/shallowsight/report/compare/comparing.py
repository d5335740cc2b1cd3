"""Compare two studies."""

from shallowsight.report.compare.asked import asked
from shallowsight.report.compare.inputs_differ import changes, code_changed
from shallowsight.report.compare.judging import differences
from shallowsight.report.compare.matching import match
from shallowsight.report.compare.recommended import recommended
from shallowsight.report.compare.values import Compared, Side


def compare(before: Side, after: Side) -> Compared:
    """What changed from the study `before` to the study `after`."""
    pairs = match(before, after)
    found = asked(before, after)
    matched = {p.before.setting for p in pairs}, {p.after.setting for p in pairs}
    return Compared(
        before=before,
        after=after,
        inputs=changes(before, after),
        pairs=pairs,
        only_before=tuple(m for m in before.study.members if m.setting not in matched[0]),
        only_after=tuple(m for m in after.study.members if m.setting not in matched[1]),
        questions=found.questions,
        differences=differences(pairs, found),
        recommended=recommended(before, after, pairs),
        notes=_notes(before, after, code_changed(before, after, pairs)),
    )


def _notes(before: Side, after: Side, code: bool) -> tuple[str, ...]:
    notes = []
    if code:
        notes.append(
            "inputs and packages of the trainings are the same, and yet their digests differ: the code of a step, or "
            "what it was given by another step, has changed"
        )
    for name, side in (("first", before), ("second", after)):
        unfinished = sum(not t.done for m in side.study.members for t in m.trials)
        if unfinished:
            notes.append(f"{unfinished} trainings of the {name} study have no result, and are not compared")
        if ended := [m.label for m in side.study.ended]:
            notes.append(f"not compared, because they ended early in the {name} study: {', '.join(ended)}")
        notes += [f"{name} study: {problem}" for problem in side.findings.problems]
    return tuple(notes)
