"""What the report says of settings whose evaluation ended early."""

from collections.abc import Iterator
from typing import Any

from shallowsight.report.values import Member, Study
from shallowsight.report.words import count


def stopped(study: Study) -> tuple[Member, ...]:
    """The settings with a seed whose evaluation ended early: they are compared with no other one."""
    return tuple(member for member in study.ended if member.stopped)


def summary(study: Study) -> list[str]:
    """`Stopped after 1/4 of the questions, below layer 11 in every category: layer 1, layer 2`, for each such share."""
    found: dict[str, list[str]] = {}
    for member in stopped(study):
        ends = sorted({trial.screened.after for trial in member.trials if trial.screened is not None})
        found.setdefault(" and ".join(ends), []).append(member.label)
    usual = _usual(study)
    return [
        f"Stopped after {after} of the questions, below {usual} in every category: {', '.join(labels)}"
        for after, labels in sorted(found.items())
    ]


def sentences(study: Study) -> list[str]:
    """How many questions were not asked, what that means for the comparisons, and which settings it was."""
    if not (members := stopped(study)):
        return []
    ended = [trial.screened for member in members for trial in member.trials if trial.screened is not None]
    asked, whole = sum(found.asked for found in ended), sum(found.questions for found in ended)
    seeds = sum(len(member.done) for member in members)
    others = f" So are {count(seeds, 'whole evaluation')} of other seeds of these settings." if seeds else ""
    return [
        f"{count(len(members), 'setting').capitalize()} clearly lost against {_usual(study)} in every category by more "
        f"than training noise may cost, and {asked:,} of {whole:,} questions were asked before the evaluations were "
        f"stopped. What they scored by then is in no comparison.{others} Their planned comparisons count in the "
        "correction, as if they had shown nothing; their seeds are missing from the training noise, by which others "
        "are judged.",
        *(f"{line}." for line in summary(study)),
    ]


def numbers(study: Study) -> dict[str, Any] | None:
    """What report.json says; None where no evaluation ended early."""
    if not stopped(study):
        return None
    return {"settings": list(_settings(study)), "said": sentences(study)}


def _settings(study: Study) -> Iterator[dict[str, Any]]:
    for member in stopped(study):
        trials = [
            {"seed": trial.seed} | trial.screened.model_dump(mode="json") | {"after": trial.screened.after}
            for trial in member.trials
            if trial.screened is not None
        ]
        yield {"setting": member.setting, "trials": trials, "in_full": [trial.seed for trial in member.done]}


def _usual(study: Study) -> str:
    usual = study.role("penultimate")
    return usual.label if usual else "the penultimate layer"
