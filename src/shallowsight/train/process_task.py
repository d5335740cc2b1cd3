"""The task of a training process, the same document for every launcher."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from shallowsight.study.experiment import Experiment
from shallowsight.study.resolved import TowerFacts
from shallowsight.study.stages import Stage, StageName

Seconds = Annotated[float, Field(gt=0)]


class ProcessTask(BaseModel):
    """Everything that a training process needs to know, with paths for its input and output."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    experiment: Experiment
    tower: TowerFacts
    stage: StageName
    data: Path  # the folder of the prepare cell
    feature_folders: tuple[Path, ...] | None  # one per layer; None: the tower runs on every batch
    start: Path | None  # the folder of the pretrain cell
    out: Path
    work: Path  # a temporary folder of each node
    threads: Annotated[int, Field(gt=0)]  # of each process; a training that is resumed takes the number of its state
    # Micro-batches into which a process divides its part of a global batch; None: chosen for the device.
    accumulation: Annotated[int, Field(gt=0)] | None = None
    workers: Annotated[int, Field(ge=0)] = 0  # processes that read ahead, for each training process
    states: str | None = None  # URL below which training states are saved; None: they are not saved
    state_key: str = "stage"  # prefix of the object keys of this stage's states
    # Prefix of the states of the trunk that this training has in common with other parts of the same updates; None: it
    # has none in common.
    trunk_key: str | None = None
    study: str = ""  # a label of the metrics
    cell: str = ""  # a label of the metrics
    save_seconds: Seconds = 600.0  # between two saved states
    patience: Seconds = 90.0  # for which a request to a store that does not answer is retried
    hang_seconds: Seconds = 1800.0  # without an update, after which a process that is not the only one ends itself

    @property
    def settings(self) -> Stage:
        return self.experiment.stage(self.stage)
