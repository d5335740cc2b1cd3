"""Schedules and their changes, for a person."""

from collections.abc import Sequence

from shallowsight.cluster.kubeflow.values import RecurringRun
from shallowsight.cluster.schedules.plan import Change


def lines_of(changes: Sequence[Change]) -> list[str]:
    """A line for each schedule, and what differs below it."""
    if not changes:
        return ["nothing"]
    lines = []
    for change in changes:
        lines.append(f"{change.kind:<7} {change.name}")
        lines += [f"        {text}" for text in change.says()]
    return lines


def lines_of_existing(found: Sequence[RecurringRun]) -> list[str]:
    """A line for each recurring run."""
    if not found:
        return ["nothing"]
    width = max(len(run.name) for run in found)
    return [
        f"{run.name:<{width}}  {run.cron:<16}  {'enabled ' if run.enabled else 'disabled'}  {run.id}"
        for run in sorted(found, key=lambda run: (run.name, run.id))
    ]
