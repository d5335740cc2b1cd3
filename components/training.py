"""Kubeflow face of a training stage."""

from kfp import dsl

from components.images import TRAIN_IMAGE


@dsl.component(base_image=TRAIN_IMAGE, install_kfp_package=False)
def train_stage(
    resolved: dsl.Input[dsl.Artifact],
    features: dsl.Input[dsl.Dataset],
    setting: str,
    stage: str,
    store: str,
    gpus: str,
    priority: str,
    run: str,
    model: dsl.Output[dsl.Model],
    start: dsl.Input[dsl.Model] = None,
):
    """Pretrain the connector, or finetune connector and language model, for every seed of the study."""
    from shallowsight import steps
    from shallowsight.steps import artifacts

    study = steps.read_resolved(resolved.path)
    launch = steps.Launch(steps.gpus_of(gpus), priority, run)
    cells = steps.train_stage(study, setting, stage, steps.open_store(store), launch)
    artifacts.write_pointer(cells, model.path)
    model.metadata.update(artifacts.model_facts(study, setting, stage, cells, store))
