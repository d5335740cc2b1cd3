"""What a training process is told: the same document for every launcher."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from shallowsight.study.experiment import Experiment
from shallowsight.study.resolved import TowerFacts
from shallowsight.study.stages import Stage, StageName

Seconds = Annotated[float, Field(gt=0)]


class ProcessTask(BaseModel):
    """Paths in, paths out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    experiment: Experiment
    tower: TowerFacts
    stage: StageName
    data: Path  # the prepare cell
    feature_folders: tuple[Path, ...] | None  # one per layer; None: the tower runs on every batch
    start: Path | None  # the pretrain cell
    out: Path
    work: Path  # scratch space of each node
    threads: Annotated[int, Field(gt=0)]  # of each process, if it does not go on from a state, which has its own
    # Passes in which a process computes its part of a batch; None: as suits the device.
    accumulation: Annotated[int, Field(gt=0)] | None = None
    workers: Annotated[int, Field(ge=0)] = 0  # processes that read ahead, for each training process
    states: str | None = None  # store URL below which unfinished stages are kept; None: a stopped one starts again
    state_key: str = "stage"  # this one's place there
    study: str = ""  # how its metrics are labelled
    cell: str = ""  # the same
    save_seconds: Seconds = 600.0  # between two states
    patience: Seconds = 90.0  # with a store that does not answer, for each request
    hang_seconds: Seconds = 1800.0  # without an update, until a process that has peers gives up

    @property
    def settings(self) -> Stage:
        return self.experiment.stage(self.stage)
