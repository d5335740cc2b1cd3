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
    model: dsl.Output[dsl.Model],
    start: dsl.Input[dsl.Model] = None,
):
    """Pretrain the connector, or finetune connector and language model, for every seed of the study."""
    from shallowsight import artifacts, steps

    # A string, because an integer never reaches a pod's resource limits; 0 means one process on the CPU.
    processes = max(1, int(gpus))
    cells = steps.train_stage(steps.read_resolved(resolved.path), setting, stage, steps.open_store(store), processes)
    artifacts.write_pointer(cells, model.path)
    model.metadata["setting"] = setting
    model.metadata["stage"] = stage
