"""Many settings of one study, and the report over them."""

from kfp import dsl

from components.analysis import analyze_layers, encode_features, plan_members
from components.data import prepare_data, resolve_study
from components.evaluation import report
from pipelines.member import member

MEMBERS_AT_ONCE = 2


@dsl.pipeline(name="layer-study", description="Which layers of a vision transformer a multimodal LLM should look at.")
def layer_study(study: str = "demo", overrides: list = [], store: str = "", gpus: str = "0"):
    reported = report(store=store)
    reported.set_caching_options(False)
    with dsl.ExitHandler(reported):
        resolved = resolve_study(study=study, overrides=overrides, store=store)
        document = resolved.outputs["resolved"]
        prepared = prepare_data(resolved=document, store=store)
        data = prepared.outputs["data"]
        analyzed = analyze_layers(resolved=document, data=data, store=store)
        planned = plan_members(resolved=document, analysis=analyzed.outputs["analysis"], store=store)
        encoded = encode_features(resolved=document, data=data, settings=planned.output, store=store)
        for task in (resolved, prepared, analyzed, planned, encoded):
            task.set_caching_options(False)
        # One member that fails leaves the others and the report; the run is red.
        with dsl.ParallelFor(planned.output, parallelism=MEMBERS_AT_ONCE) as setting:
            member(resolved=document, features=encoded.outputs["features"], setting=setting, store=store, gpus=gpus)
