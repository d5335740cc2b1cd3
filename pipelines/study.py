"""What every pipeline over many settings has in common."""

from kfp import dsl
from kfp.dsl import PipelineTask

from pipelines import placement
from pipelines.member import member
from pipelines.preparation import prepare

MEMBERS_AT_ONCE = 2


def train_members(resolved: PipelineTask, store: str, gpus: str, step_gpus: str, priority: str) -> None:
    """Prepare a study that was resolved, then train and evaluate its settings."""
    planned, encoded = prepare(resolved, store, step_gpus)
    # One member that fails leaves the others and the report; the run is red.
    with dsl.ParallelFor(planned.output, parallelism=MEMBERS_AT_ONCE) as setting:
        member(
            resolved=resolved.outputs["resolved"],
            features=encoded.outputs["features"],
            setting=setting,
            store=store,
            gpus=gpus,
            step_gpus=step_gpus,
            priority=priority,
        )


def closing(report: PipelineTask) -> PipelineTask:
    """The box that runs however the others ended."""
    placement.light(report)
    return report
