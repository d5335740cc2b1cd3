"""What comes before the members: data, analysis, plan, features."""

from kfp.dsl import PipelineTask

from components.analysis import analyze_layers, encode_features, plan_members
from components.data import prepare_data
from pipelines import placement


def prepare(resolved: PipelineTask, store: str, step_gpus: str) -> tuple[PipelineTask, PipelineTask]:
    """The tasks that plan the members and encode their features."""
    document = resolved.outputs["resolved"]
    prepared = prepare_data(resolved=document, store=store)
    data = prepared.outputs["data"]
    analyzed = analyze_layers(resolved=document, data=data, store=store)
    planned = plan_members(resolved=document, analysis=analyzed.outputs["analysis"], store=store, run=placement.RUN)
    encoded = encode_features(resolved=document, data=data, settings=planned.output, store=store)
    placement.light(resolved, planned)
    placement.data(prepared)
    for task in (analyzed, encoded):
        placement.gpu(task, step_gpus)
    return planned, encoded
