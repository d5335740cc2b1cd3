"""What comes before the members: data, analysis, plan, features."""

from kfp.dsl import PipelineTask

from components.analysis import analyze_layers, encode_features, plan_members
from components.data import prepare_data


def prepare(resolved: PipelineTask, store: str) -> tuple[PipelineTask, PipelineTask]:
    """The tasks that plan the members and encode their features."""
    document = resolved.outputs["resolved"]
    prepared = prepare_data(resolved=document, store=store)
    data = prepared.outputs["data"]
    analyzed = analyze_layers(resolved=document, data=data, store=store)
    planned = plan_members(resolved=document, analysis=analyzed.outputs["analysis"], store=store)
    encoded = encode_features(resolved=document, data=data, settings=planned.output, store=store)
    for task in (resolved, prepared, analyzed, planned, encoded):
        task.set_caching_options(False)
    return planned, encoded
