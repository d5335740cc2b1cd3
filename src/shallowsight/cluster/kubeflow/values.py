"""Runs, recurring runs and versions of a Kubeflow Pipelines server, as this package's own values."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

FINISHED = frozenset({"SUCCEEDED", "SKIPPED", "FAILED", "CANCELED"})
GOOD = frozenset({"SUCCEEDED", "SKIPPED"})


@dataclass(frozen=True, kw_only=True)
class RecurringRun:
    """A schedule on the server; once it exists, only `enabled` can change."""

    id: str
    name: str
    description: str
    enabled: bool
    created: datetime | None
    cron: str
    arguments: Mapping[str, object]
    max_concurrency: int
    catchup: bool


@dataclass(frozen=True, kw_only=True)
class NewRecurringRun:
    """The content of the request that makes a recurring run."""

    name: str
    description: str
    enabled: bool
    cron: str
    arguments: Mapping[str, object]
    max_concurrency: int
    catchup: bool
    service_account: str | None


@dataclass(frozen=True)
class Version:
    """One uploaded version of a pipeline's text."""

    pipeline_id: str
    id: str


@dataclass(frozen=True)
class Task:
    """A step of a run; `error` is empty unless it failed. The steps of a loop have the same name."""

    id: str
    name: str
    state: str
    error: str
    started: datetime | None


@dataclass(frozen=True)
class Run:
    """A run and its steps, in the order in which they began."""

    id: str
    name: str
    state: str
    error: str
    tasks: tuple[Task, ...]

    @property
    def finished(self) -> bool:
        return self.state in FINISHED

    @property
    def good(self) -> bool:
        return self.state in GOOD
