"""What a Kubeflow Pipelines server says of its runs, in words of ours."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

FINISHED = frozenset({"SUCCEEDED", "SKIPPED", "FAILED", "CANCELED"})
GOOD = frozenset({"SUCCEEDED", "SKIPPED"})


@dataclass(frozen=True, kw_only=True)
class RecurringRun:
    """A schedule on the server; nothing but `enabled` can change once it is there."""

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
    """What is sent to make one."""

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
    """One uploaded text of a pipeline."""

    pipeline_id: str
    id: str


@dataclass(frozen=True)
class Task:
    """A box of a run; `error` is empty where nothing went wrong. Those of a loop share their name."""

    id: str
    name: str
    state: str
    error: str
    started: datetime | None


@dataclass(frozen=True)
class Run:
    """A run and its boxes, in the order they began."""

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
