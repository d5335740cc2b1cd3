"""Kubeflow faces of the steps that read the tower: similarity, the plan that follows from it, features."""

from typing import List

from kfp import dsl

from components.images import TRAIN_IMAGE


@dsl.component(base_image=TRAIN_IMAGE, install_kfp_package=False)
def analyze_layers(
    resolved: dsl.Input[dsl.Artifact],
    data: dsl.Input[dsl.Dataset],
    store: str,
    analysis: dsl.Output[dsl.Artifact],
):
    """How alike the tower's layers are on the study's pictures, and the groups they form."""
    from shallowsight import steps
    from shallowsight.steps import artifacts

    cell = steps.analyze_layers(steps.read_resolved(resolved.path), steps.open_store(store))
    artifacts.write_pointer([cell], analysis.path)


@dsl.component(base_image=TRAIN_IMAGE, install_kfp_package=False)
def plan_members(
    resolved: dsl.Input[dsl.Artifact], analysis: dsl.Input[dsl.Artifact], store: str, run: str
) -> List[str]:
    """The settings to train, now that the groups are known."""
    from shallowsight import steps

    study = steps.read_resolved(resolved.path)
    plan = steps.plan_members(study, steps.open_store(store, run))
    return [str(setting) for setting in plan.in_order(study)]


@dsl.component(base_image=TRAIN_IMAGE, install_kfp_package=False)
def encode_features(
    resolved: dsl.Input[dsl.Artifact],
    data: dsl.Input[dsl.Dataset],
    settings: List[str],
    store: str,
    features: dsl.Output[dsl.Dataset],
):
    """Every layer that is used, each picture read once (not where caching does not pay), and what probes find in it."""
    from shallowsight import steps
    from shallowsight.steps import artifacts

    study, cells = steps.read_resolved(resolved.path), steps.open_store(store)
    encoded = steps.encode_features(study, settings, cells)
    steps.probe_layers(study, cells)
    artifacts.write_pointer(encoded, features.path)
