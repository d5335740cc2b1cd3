"""For schedules: a study again with layer settings of its own, on whatever data its sources hold by then."""

from kfp import dsl

from components.data import resolve_retraining
from components.evaluation import report_and_compare
from pipelines import placement
from pipelines.study import closing, train_members


@dsl.pipeline(name="retrain", description="Train some layer settings of a study again; what has not changed stays.")
def retrain(
    study: str = "demo",
    settings: list = [],
    overrides: list = [],
    store: str = "",
    gpus: str = "0",
    step_gpus: str = "0",
    priority: str = placement.SCHEDULED,
):
    closed = closing(report_and_compare(store=store, run=placement.RUN))
    placement.shows_metrics(closed)
    with dsl.ExitHandler(closed):
        resolved = resolve_retraining(
            study=study,
            settings=settings,
            overrides=overrides,
            store=store,
            run=placement.RUN,
            gpus=gpus,
            step_gpus=step_gpus,
        )
        train_members(resolved, store, gpus, step_gpus, priority)
