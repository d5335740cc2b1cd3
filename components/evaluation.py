"""Kubeflow faces of evaluation and report."""

from kfp import dsl

from components.images import CPU_IMAGE, TRAIN_IMAGE


@dsl.component(base_image=TRAIN_IMAGE, install_kfp_package=False)
def evaluate(
    resolved: dsl.Input[dsl.Artifact],
    model: dsl.Input[dsl.Model],
    setting: str,
    store: str,
    scores: dsl.Output[dsl.Artifact],
    metrics: dsl.Output[dsl.Metrics],
):
    """lmms-eval over the study's benchmarks, for every seed."""
    from shallowsight import steps
    from shallowsight.steps import artifacts

    cells = steps.evaluate(steps.read_resolved(resolved.path), setting, steps.open_store(store))
    artifacts.write_pointer(cells, scores.path)
    for name, value in artifacts.mean_scores(cells).items():
        metrics.log_metric(name, value)


@dsl.component(base_image=CPU_IMAGE, install_kfp_package=False)
def report(
    store: str,
    run: str,
    status: dsl.PipelineTaskFinalStatus,
    page: dsl.Output[dsl.HTML],
    summary: dsl.Output[dsl.Markdown],
):
    """The report over whatever was finished; runs however the pipeline ended."""
    import shutil

    from shallowsight import steps
    from shallowsight.steps import artifacts

    written = steps.report(steps.open_store(store, run))
    shutil.copyfile(written, page.path)
    artifacts.write_summary(written, summary.path)
