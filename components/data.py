"""Kubeflow faces of the steps that fix the study and prepare its data."""

from kfp import dsl

from components.images import CPU_IMAGE


@dsl.component(base_image=CPU_IMAGE, install_kfp_package=False)
def resolve_study(
    study: str,
    overrides: list,
    store: str,
    run: str,
    gpus: str,
    step_gpus: str,
    resolved: dsl.Output[dsl.Artifact],
):
    """Fix names, files and overrides of a study into one document."""
    from shallowsight import steps
    from shallowsight.steps import artifacts

    found = steps.resolve_study(study, steps.words_of("overrides", overrides))
    steps.require_gpus(found, gpus, step_gpus)
    steps.publish(found, steps.open_store(store, run))
    artifacts.write_document(found, resolved.path)


@dsl.component(base_image=CPU_IMAGE, install_kfp_package=False)
def resolve_retraining(
    study: str,
    settings: list,
    overrides: list,
    store: str,
    run: str,
    gpus: str,
    step_gpus: str,
    resolved: dsl.Output[dsl.Artifact],
):
    """The same, with layer settings instead of the study's own."""
    from shallowsight import steps
    from shallowsight.steps import artifacts

    more = steps.settings_override(steps.words_of("settings", settings))
    found = steps.resolve_study(study, [*steps.words_of("overrides", overrides), *more])
    steps.require_gpus(found, gpus, step_gpus)
    steps.publish(found, steps.open_store(store, run))
    artifacts.write_document(found, resolved.path)


@dsl.component(base_image=CPU_IMAGE, install_kfp_package=False)
def resolve_experiment(
    experiment: str,
    overrides: list,
    store: str,
    run: str,
    gpus: str,
    step_gpus: str,
    resolved: dsl.Output[dsl.Artifact],
) -> str:
    """Fix names, files and overrides of one experiment into one document; returns its setting."""
    from shallowsight import steps
    from shallowsight.steps import artifacts

    found = steps.resolve_experiment(experiment, steps.words_of("overrides", overrides))
    steps.require_gpus(found, gpus, step_gpus)
    steps.publish(found, steps.open_store(store, run))
    artifacts.write_document(found, resolved.path)
    return found.study.settings[0]


@dsl.component(base_image=CPU_IMAGE, install_kfp_package=False)
def prepare_data(
    resolved: dsl.Input[dsl.Artifact], store: str, data: dsl.Output[dsl.Dataset], verdict: dsl.Output[dsl.HTML]
):
    """Check every record and picture, refuse or quarantine, and pack what is good."""
    from shallowsight import steps
    from shallowsight.steps import artifacts

    cell = steps.prepare_data(steps.read_resolved(resolved.path), steps.open_store(store))
    artifacts.write_pointer([cell], data.path)
    artifacts.write_verdict_page(cell, verdict.path)
