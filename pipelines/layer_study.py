"""Many settings of one study, and the report over them."""

from kfp import dsl

from components.data import resolve_study
from components.evaluation import report
from pipelines import placement
from pipelines.study import closing, train_members


@dsl.pipeline(name="layer-study", description="Which layers of a vision transformer a multimodal LLM should look at.")
def layer_study(
    study: str = "demo",
    overrides: list = [],
    store: str = "",
    gpus: str = "0",
    step_gpus: str = "0",
    priority: str = placement.INTERACTIVE,
):
    with dsl.ExitHandler(closing(report(store=store, run=placement.RUN))):
        resolved = resolve_study(
            study=study, overrides=overrides, store=store, run=placement.RUN, gpus=gpus, step_gpus=step_gpus
        )
        train_members(resolved, store, gpus, step_gpus, priority)
