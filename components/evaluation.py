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
    for name, value in artifacts.score_numbers(cells).items():
        metrics.log_metric(name, value)


@dsl.component(base_image=CPU_IMAGE, install_kfp_package=False)
def judge(
    resolved: dsl.Input[dsl.Artifact],
    evaluated: dsl.Input[dsl.Artifact],
    setting: str,
    store: str,
    scores: dsl.Output[dsl.Artifact],
    metrics: dsl.Output[dsl.Metrics],
    summary: dsl.Output[dsl.Markdown],
):
    """What no rule decided, where the study asks a judge; the final scores of a setting."""
    from shallowsight import steps
    from shallowsight.steps import artifacts

    cells = steps.judge(steps.read_resolved(resolved.path), setting, steps.open_store(store))
    artifacts.write_pointer(cells, scores.path)
    artifacts.write_scores(setting, cells, summary.path)
    for name, value in artifacts.score_numbers(cells).items():
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


@dsl.component(base_image=CPU_IMAGE, install_kfp_package=False)
def report_and_compare(
    store: str,
    run: str,
    status: dsl.PipelineTaskFinalStatus,
    page: dsl.Output[dsl.HTML],
    summary: dsl.Output[dsl.Markdown],
    comparison: dsl.Output[dsl.Markdown],
    verdicts: dsl.Output[dsl.Metrics],
):
    """The report, and this run compared with the last finished one before it in the store."""
    import shutil

    from shallowsight import steps
    from shallowsight.steps import artifacts

    cells = steps.open_store(store, run)
    written = steps.report(cells)
    shutil.copyfile(written, page.path)
    artifacts.write_summary(written, summary.path)
    compared = steps.compare_with_run_before(cells)
    artifacts.write_comparison(compared, comparison.path)
    for name, value in artifacts.comparison_numbers(compared).items():
        verdicts.log_metric(name, value)
    steps.show_comparison(compared)
