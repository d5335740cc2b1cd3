"""Many settings of one study, and the report over them."""

from kfp import dsl

from components.data import resolve_study
from components.evaluation import report
from pipelines.member import member
from pipelines.preparation import prepare

MEMBERS_AT_ONCE = 2


@dsl.pipeline(name="layer-study", description="Which layers of a vision transformer a multimodal LLM should look at.")
def layer_study(study: str = "demo", overrides: list = [], store: str = "", gpus: str = "0"):
    reported = report(store=store)
    reported.set_caching_options(False)
    with dsl.ExitHandler(reported):
        resolved = resolve_study(study=study, overrides=overrides, store=store)
        planned, encoded = prepare(resolved, store)
        # One member that fails leaves the others and the report; the run is red.
        with dsl.ParallelFor(planned.output, parallelism=MEMBERS_AT_ONCE) as setting:
            member(
                resolved=resolved.outputs["resolved"],
                features=encoded.outputs["features"],
                setting=setting,
                store=store,
                gpus=gpus,
            )
