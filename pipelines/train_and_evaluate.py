"""One experiment: data, both training stages, evaluation, report."""

from kfp import dsl

from components.data import resolve_experiment
from components.evaluation import report
from pipelines import placement
from pipelines.member import member
from pipelines.preparation import prepare
from pipelines.study import closing


@dsl.pipeline(name="train-and-evaluate", description="Train and evaluate one visual-layer setting.")
def train_and_evaluate(
    experiment: str = "demo",
    overrides: list = [],
    store: str = "",
    gpus: str = "0",
    step_gpus: str = "0",
    priority: str = placement.INTERACTIVE,
):
    with dsl.ExitHandler(closing(report(store=store, run=placement.RUN))):
        resolved = resolve_experiment(
            experiment=experiment, overrides=overrides, store=store, run=placement.RUN, gpus=gpus, step_gpus=step_gpus
        )
        _, encoded = prepare(resolved, store, step_gpus)
        member(
            resolved=resolved.outputs["resolved"],
            features=encoded.outputs["features"],
            setting=resolved.outputs["Output"],
            store=store,
            gpus=gpus,
            step_gpus=step_gpus,
            priority=priority,
        )
