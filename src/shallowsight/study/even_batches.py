"""Check that every process of a training can compute an equal part of each batch."""

from shallowsight.errors import ConfigurationError
from shallowsight.study.experiment import Experiment
from shallowsight.study.stages import STAGES, StageName


def require_even_batches(experiment: Experiment, gpus: int) -> None:
    """Raises ConfigurationError for a batch that does not divide among the GPUs; 0 GPUs means one process."""
    for stage in STAGES:
        part_of_batch(experiment, stage, max(1, gpus))


def part_of_batch(experiment: Experiment, stage: StageName, processes: int) -> int:
    """The samples for each process; raises ConfigurationError when the batch does not divide."""
    batch = experiment.stage(stage).global_batch
    if batch % processes:
        raise ConfigurationError(f"{stage}.global_batch={batch} does not divide among {processes} processes (--gpus)")
    return batch // processes
