"""What has to change on the server so that it runs what a file says. Pure: nothing is sent from here.

The server cannot update a recurring run, so a new one takes the place of the old. Whatever an interrupted change left
behind is found again by its name and the digest in its description, and the same plan puts it right.
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
    """One entry of a file, fixed completely."""

    name: str
    cron: str
    pipeline: str
    version: str  # of the pipeline, and of all that stands in its text
    parallelism: int | None  # settings trained at a time; stands in the text. None: it trains one
    arguments: dict[str, object]
    max_concurrency: int
    catchup: bool
    kfp_experiment: str
    service_account: str | None
    enabled: bool

    @property
    def digest(self) -> str:
        """Of all that only a new recurring run can change; whether it is enabled can be switched."""
        # The parallelism has its part in the version.
        left_out = {"name", "enabled", "parallelism"}
        return digest_of({key: value for key, value in asdict(self).items() if key not in left_out})

    @property
    def text(self) -> str:
        """Which text is run."""
        return f"pipeline {self.pipeline} {self.version}"

    def described(self) -> str:
        """Says what a server keeps of a recurring run nowhere else."""
        at_once = "" if self.parallelism is None else f", parallelism {self.parallelism}"
        return (
            f"Made by `shallowsight schedule apply`, spec {self.digest}, {self.text}{at_once}. "
            "Change it in the file and apply again."
        )


@dataclass(frozen=True)
class Change:
    """What is to be done for one name. `keeper` has the wanted spec, `others` have not or are doubles."""

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
        """False where nothing is to be done."""
        return self.kind not in {"same", "extra"}

    def says(self) -> list[str]:
        """One line each for what differs, for a person."""
        match self.kind:
            case "update" if self.wanted is not None:
                return _differences(self.wanted, self.others[-1])
            case "mend":
                return [f"{len(self.others)} left by an apply that did not end"]
            case "extra":
                return ["not in the file; --prune deletes it"]
        return []


def job_name(collection: str, name: str) -> str:
    """Of a recurring run on the server."""
    return f"shallowsight.{collection}.{name}"


def ours(found: Iterable[RecurringRun], collection: str) -> list[RecurringRun]:
    """Those that this command made for files of that name."""
    prefix = job_name(collection, "")
    return [run for run in found if run.name.startswith(prefix) and _MARK.search(run.description)]


def plan(wanted: Sequence[Wanted], existing: Sequence[RecurringRun], *, prune: bool) -> list[Change]:
    """A change for every wanted name, `same` included, and for what the file no longer names: `prune` deletes it.

    Args:
        existing: ours only.
    """
    changes = [_change(each, [run for run in existing if run.name == each.name]) for each in wanted]
    unlisted = [run for run in existing if run.name not in {each.name for each in wanted}]
    if prune:
        return changes + removals(unlisted)
    return changes + [Change(name, None, None, ()) for name in sorted({run.name for run in unlisted})]


def removals(existing: Sequence[RecurringRun]) -> list[Change]:
    """Delete them all."""
    names = sorted({run.name for run in existing})
    return [Change(name, None, None, tuple(run for run in existing if run.name == name)) for name in names]


def _change(wanted: Wanted, existing: Sequence[RecurringRun]) -> Change:
    fitting = [run for run in existing if _digest(run) == wanted.digest]
    # The one that is switched as it should be needs one request less, and is likely the older.
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
