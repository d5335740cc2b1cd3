"""The report step, the looks at a study that may get more seeds, and the rungs of one that is halved."""

from pathlib import Path
from typing import TYPE_CHECKING

from shallowsight.store.store import Store

if TYPE_CHECKING:  # not imported at run time: it needs numpy
    from shallowsight.report.halving import Rung
    from shallowsight.report.looks import Look


def report(store: Store) -> Path:
    """Write the report over the cells that are complete so far; returns the path of report.html."""
    from shallowsight.report.inputs import OUTPUTS
    from shallowsight.report.write import write_report

    with store.view(OUTPUTS) as study:
        page = write_report(study, store.root / "report")
    store.share("report")
    return page


def looks(store: Store) -> "tuple[Look, ...]":
    """The looks at the study in the store, from its finished cells; raises as `report.looks.looks`."""
    from shallowsight.report.inputs import OUTPUTS, read_study
    from shallowsight.report.looks import looks as find_looks

    with store.view(OUTPUTS) as folder:
        return find_looks(read_study(folder))


def next_rung(store: Store) -> "Rung | None":
    """Who goes on in the halved study in the store, from its finished cells; as `report.halving.next_rung`."""
    from shallowsight.report.halving import next_rung as find_rung
    from shallowsight.report.inputs import OUTPUTS, read_study

    with store.view(OUTPUTS) as folder:
        return find_rung(read_study(folder))
