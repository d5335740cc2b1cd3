"""A cluster for the training step of which nothing is there but its launcher's answers."""

from collections.abc import Callable
from pathlib import Path

from shallowsight.cluster.kubernetes.trainjob import TrainJob
from shallowsight.errors import ShallowsightError
from shallowsight.store.cells import stage_cell
from shallowsight.store.store import Store
from shallowsight.study.resolved import Resolved
from shallowsight.study.settings import Setting

SETTING = Setting.parse("2")


class Cluster:
    """Remembers what it was asked, and does with each TrainJob what it is told to: a failure is how that ends."""

    namespace = "vision"

    def __init__(self) -> None:
        self.jobs: list[TrainJob] = []
        self.forgotten: list[TrainJob] = []
        self.makes: list[Callable[[], ShallowsightError | None]] = []

    def run(self, job: TrainJob) -> ShallowsightError | None:
        self.jobs.append(job)
        return self.makes.pop(0)() if self.makes else None


def fails(error: ShallowsightError) -> Callable[[], ShallowsightError | None]:
    return lambda: error


def built(store: Store, resolved: Resolved) -> Callable[[], None]:
    """What the pods leave."""
    cell = stage_cell(resolved, SETTING, 0, "pretrain").model_copy(update={"parents": ()})

    def make(out: Path) -> None:
        (out / "connector.safetensors").write_bytes(b"x")

    def build() -> None:
        store.build(cell, make)

    return build
