"""One experiment: data, both training stages, evaluation, report."""

from kfp import dsl

from components.analysis import analyze_layers, encode_features, plan_members
from components.data import prepare_data, resolve_experiment
from components.evaluation import report
from pipelines.member import member


@dsl.pipeline(name="train-and-evaluate", description="Train and evaluate one visual-layer setting.")
def train_and_evaluate(experiment: str = "demo", overrides: list = [], store: str = "", gpus: str = "0"):
    reported = report(store=store)
    reported.set_caching_options(False)
    with dsl.ExitHandler(reported):
        resolved = resolve_experiment(experiment=experiment, overrides=overrides, store=store)
        document = resolved.outputs["resolved"]
        prepared = prepare_data(resolved=document, store=store)
        data = prepared.outputs["data"]
        analyzed = analyze_layers(resolved=document, data=data, store=store)
        planned = plan_members(resolved=document, analysis=analyzed.outputs["analysis"], store=store)
        encoded = encode_features(resolved=document, data=data, settings=planned.output, store=store)
        for task in (resolved, prepared, analyzed, planned, encoded):
            task.set_caching_options(False)
        member(
            resolved=document,
            features=encoded.outputs["features"],
            setting=resolved.outputs["Output"],
            store=store,
            gpus=gpus,
        )
