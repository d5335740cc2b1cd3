"""The changes that a server needs so that its recurring runs are those of a file. This module sends no requests.

The server cannot update a recurring run, so a new one replaces the old one. The recurring runs that an interrupted
change left are found by their name and by the digest in their description, and the next plan deletes or completes them.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from shallowsight.cluster.kubeflow.values import RecurringRun
from shallowsight.store.digest import digest_of

Kind = Literal["create", "update", "mend", "enable", "disable", "delete", "same", "extra"]
_MARK = re.compile(r"^Made by `shallowsight schedule apply`, spec ([0-9a-f]{16})\b", re.MULTILINE)
_AT_ONCE = re.compile(r"^Made by .*, parallelism ([0-9]+)\.", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The recurring run that one entry of a file asks for."""

    name: str
    cron: str
    pipeline: str
    version: str  # of the pipeline's text
    parallelism: int | None  # settings trained at the same time, a part of the text; None: a pipeline of one setting
    arguments: dict[str, object]
    max_concurrency: int
    catchup: bool
    kfp_experiment: str
    service_account: str | None
    enabled: bool

    @property
    def digest(self) -> str:
        """A digest of everything that only a new recurring run can change; `enabled` can be switched without one."""
        # The version of the text covers the parallelism.
        left_out = {"name", "enabled", "parallelism"}
        return digest_of({key: value for key, value in asdict(self).items() if key not in left_out})

    @property
    def text(self) -> str:
        """The pipeline and the version of its text, in words."""
        return f"pipeline {self.pipeline} {self.version}"

    def described(self) -> str:
        """The description of the recurring run, with the facts that a server stores nowhere else."""
        at_once = "" if self.parallelism is None else f", parallelism {self.parallelism}"
        return (
            f"Made by `shallowsight schedule apply`, spec {self.digest}, {self.text}{at_once}. "
            "Change it in the file and apply again."
        )


@dataclass(frozen=True)
class Change:
    """The change for one name. `keeper` has the wanted spec; `others` have a different spec, or are duplicates."""

    name: str
    wanted: Wanted | None
    keeper: RecurringRun | None
    others: tuple[RecurringRun, ...]

    @property
    def kind(self) -> Kind:
        if self.wanted is None:
            return "delete" if self.others else "extra"
        if self.keeper is None:
            return "update" if self.others else "create"
        if self.others:
            return "mend"
        if self.keeper.enabled != self.wanted.enabled:
            return "enable" if self.wanted.enabled else "disable"
        return "same"

    @property
    def is_one(self) -> bool:
        """Whether there is something to do."""
        return self.kind not in {"same", "extra"}

    def says(self) -> list[str]:
        """One line for each difference, for a person."""
        match self.kind:
            case "update" if self.wanted is not None:
                return _differences(self.wanted, self.others[-1])
            case "mend":
                return [f"{len(self.others)} left by an apply that was interrupted"]
            case "extra":
                return ["not in the file; --prune deletes it"]
        return []


def job_name(collection: str, name: str) -> str:
    """The name of a recurring run on the server."""
    return f"shallowsight.{collection}.{name}"


def ours(found: Iterable[RecurringRun], collection: str) -> list[RecurringRun]:
    """The recurring runs that this command made for files of that name."""
    prefix = job_name(collection, "")
    return [run for run in found if run.name.startswith(prefix) and _MARK.search(run.description)]


def plan(wanted: Sequence[Wanted], existing: Sequence[RecurringRun], *, prune: bool) -> list[Change]:
    """A change for every wanted name (its kind may be `same`), and for every name that the file no longer has.

    Args:
        existing: only those that this command made.
        prune: delete the recurring runs that the file no longer names.
    """
    changes = [_change(each, [run for run in existing if run.name == each.name]) for each in wanted]
    unlisted = [run for run in existing if run.name not in {each.name for each in wanted}]
    if prune:
        return changes + removals(unlisted)
    return changes + [Change(name, None, None, ()) for name in sorted({run.name for run in unlisted})]


def removals(existing: Sequence[RecurringRun]) -> list[Change]:
    """Changes that delete all of these recurring runs."""
    names = sorted({run.name for run in existing})
    return [Change(name, None, None, tuple(run for run in existing if run.name == name)) for name in names]


def _change(wanted: Wanted, existing: Sequence[RecurringRun]) -> Change:
    fitting = [run for run in existing if _digest(run) == wanted.digest]
    # Prefer the recurring run whose `enabled` is right already: it needs one request less, and is likely the older one.
    keeper = min(fitting, key=lambda run: (run.enabled != wanted.enabled, str(run.created), run.id), default=None)
    others = sorted((run for run in existing if run is not keeper), key=lambda run: (str(run.created), run.id))
    return Change(wanted.name, wanted, keeper, tuple(others))


def _digest(run: RecurringRun) -> str | None:
    found = _MARK.search(run.description)
    return found[1] if found else None


def _differences(wanted: Wanted, old: RecurringRun) -> list[str]:
    pairs: dict[str, tuple[object, object]] = {
        "cron": (old.cron, wanted.cron),
        "max_concurrency": (old.max_concurrency, wanted.max_concurrency),
        "catchup": (old.catchup, wanted.catchup),
    }
    for key in sorted({*old.arguments, *wanted.arguments}):
        pairs[key] = (old.arguments.get(key), wanted.arguments.get(key))
    lines = [f"{key}: {before!r} -> {after!r}" for key, (before, after) in pairs.items() if before != after]
    at_once = _AT_ONCE.search(old.description)
    if at_once and wanted.parallelism not in {None, int(at_once[1])}:
        lines.append(f"parallelism: {at_once[1]} -> {wanted.parallelism}")
    if wanted.text not in old.description:
        lines.append(f"pipeline: now {wanted.pipeline} {wanted.version}")
    return lines or ["experiment or service account"]
