"""The files of a report that only some studies have."""

from collections.abc import Callable

from shallowsight.report.findings import Findings
from shallowsight.report.layer_map import layer_map
from shallowsight.report.pareto import pareto
from shallowsight.report.probes import agreements
from shallowsight.report.subtasks import subtasks, subtasks_csv
from shallowsight.report.values import Study

PROBES = "probes.png"  # of a study that has probes
SETTINGS = "settings.png"  # of a study that compares many fusions or connectors
MAP = "map.png"  # of a study with several single layers
PARETO = "pareto.png"  # of a study whose settings differ in cost
SUBTASKS = "subtasks.csv"  # of a study with public benchmarks that have sub-tasks
OPTIONAL = (PROBES, SETTINGS, MAP, PARETO, SUBTASKS)


def optional_files(study: Study, findings: Findings) -> dict[str, bytes]:
    """Name -> content of those that this study has."""
    found = (make(study, findings) for make in _MAKERS.values())
    return {name: content for name, content in zip(_MAKERS, found, strict=True) if content}


def _probes(study: Study, findings: Findings) -> bytes:
    from shallowsight.report.probe_figure import probes_png

    return probes_png(probed) if (probed := agreements(study, findings)) else b""


def _settings(study: Study, findings: Findings) -> bytes:
    from shallowsight.report.settings_figure import settings_png, wanted

    return settings_png(study, findings) if wanted(study, findings) else b""


def _map(study: Study, findings: Findings) -> bytes:
    from shallowsight.report.map_figure import map_png

    return map_png(found) if (found := layer_map(study, findings)) else b""


def _pareto(study: Study, findings: Findings) -> bytes:
    from shallowsight.report.pareto_figure import pareto_png

    return pareto_png(found) if (found := pareto(study, findings)) else b""


def _subtasks(_: Study, findings: Findings) -> bytes:
    return subtasks_csv(found).encode() if (found := subtasks(findings)) else b""


_MAKERS: dict[str, Callable[[Study, Findings], bytes]] = {
    PROBES: _probes,
    SETTINGS: _settings,
    MAP: _map,
    PARETO: _pareto,
    SUBTASKS: _subtasks,
}
