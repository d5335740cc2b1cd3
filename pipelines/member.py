"""One setting of a study: pretrain, finetune, evaluate, judge."""

from kfp import dsl

from components.evaluation import evaluate, judge
from components.training import train_stage
from pipelines import placement


@dsl.pipeline(name="member", description="Train and evaluate one setting, for every seed.")
def member(
    resolved: dsl.Input[dsl.Artifact],
    features: dsl.Input[dsl.Dataset],
    setting: str,
    store: str,
    gpus: str,
    step_gpus: str,
    priority: str,
):
    shared = {"resolved": resolved, "setting": setting, "store": store}
    training = {"features": features, "gpus": gpus, "priority": priority, "run": placement.RUN, **shared}
    pretrained = train_stage(stage="pretrain", **training)
    finetuned = train_stage(stage="finetune", start=pretrained.outputs["model"], **training)
    evaluated = evaluate(model=finetuned.outputs["model"], **shared)
    judged = judge(evaluated=evaluated.outputs["scores"], **shared)
    placement.asks_a_judge(judged)
    for task in (pretrained, finetuned):
        placement.launches_training(task)
    placement.gpu(evaluated, step_gpus)
