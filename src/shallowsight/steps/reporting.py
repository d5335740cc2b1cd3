"""The report step."""

from pathlib import Path

from shallowsight.store.store import Store


def report(store: Store) -> Path:
    """Write the report over the cells that are complete so far; returns the path of report.html."""
    from shallowsight.report.inputs import OUTPUTS
    from shallowsight.report.write import write_report

    with store.view(OUTPUTS) as study:
        page = write_report(study, store.root / "report")
    store.share("report")
    return page
