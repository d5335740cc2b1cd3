"""The Grafana dashboard, as code: `python -m manifests.base.monitoring.dashboard` writes dashboard.json beside it."""

import json
from pathlib import Path
from typing import assert_never

from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    LegendDisplayMode,
    LegendPlacement,
    TooltipDisplayMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    DataSourceRef,
    Threshold,
    ThresholdsMode,
    VariableOption,
    VariableRefresh,
)

from manifests.base.monitoring.charts import ROWS, Chart

FILE = Path(__file__).with_name("dashboard.json")
SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
_HEIGHT, _WIDTH = 8, 24  # of a line of panels, in units of Grafana's grid

Panel = timeseries.Panel | stat.Panel | bargauge.Panel


def _curves() -> timeseries.Panel:
    legend = common.VizLegendOptions().display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM)
    tooltip = common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI)
    return timeseries.Panel().legend(legend.show_legend(True)).tooltip(tooltip).min(0)


def _last() -> common.ReduceDataOptions:
    return common.ReduceDataOptions().calcs(["lastNotNull"])


def _empty(chart: Chart) -> Panel:
    match chart.kind:
        case "curves":
            return _curves()
        case "number":
            colour = BigValueColorMode.NONE if chart.red_from is None else BigValueColorMode.VALUE
            return stat.Panel().reduce_options(_last()).graph_mode(BigValueGraphMode.NONE).color_mode(colour)
        case "bars":
            return bargauge.Panel().reduce_options(_last()).orientation(VizOrientation.HORIZONTAL).min(0)
        case _:
            assert_never(chart.kind)


def _panel(chart: Chart, number: int, width: int) -> Panel:
    query = prometheus.Dataquery().expr(chart.query).legend_format(chart.legend).ref_id("A")
    query = query.range() if chart.kind == "curves" else query.instant()
    panel = _empty(chart).id(number).title(chart.title).description(chart.description).unit(chart.unit)
    if chart.top is not None:
        panel.max(chart.top)
    # Grafana's own thresholds would turn red at 80, whatever is shown.
    steps = [Threshold(value=None, color="green")]
    if chart.red_from is not None:
        steps.append(Threshold(value=chart.red_from, color="red"))
    panel.thresholds(dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps))
    return panel.datasource(SOURCE).with_target(query).height(_HEIGHT).span(width)


def _choice(name: str, narrowed_by: str) -> dashboard.QueryVariable:
    """Among what there was in the time shown; everything at first."""
    query = f"label_values(shallowsight_train_running{narrowed_by}, {name})"
    everything = VariableOption(selected=True, text=["All"], value=["$__all"])
    variable = dashboard.QueryVariable(name).id(name).label(name.capitalize()).datasource(SOURCE)
    variable.query({"query": query, "refId": name}).refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
    return variable.multi(True).include_all(True).all_value(".*").current(everything)


def build() -> str:
    """The dashboard as Grafana reads it."""
    made = dashboard.Dashboard("shallowsight").uid("shallowsight").tags(["shallowsight"]).editable()
    made.description("Trainings of layer studies: loss, pace, GPUs, data, states and the queue.")
    made.time("now-6h", "now").refresh("30s").timezone("browser")
    source = dashboard.DatasourceVariable("datasource").id("datasource").label("Prometheus")
    made.with_variable(source.type("prometheus"))
    made.with_variable(_choice("study", ""))
    made.with_variable(_choice("cell", '{study=~"$study"}'))
    made.with_variable(_choice("stage", '{study=~"$study",cell=~"$cell"}'))
    number = 0
    for title, lines in ROWS.items():
        number += 1
        made.with_row(dashboard.Row(title).id(number))
        for line in lines:
            for chart in line:
                number += 1
                made.with_panel(_panel(chart, number, _WIDTH // len(line)))
    return json.dumps(made.build(), cls=JSONEncoder, indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    FILE.write_text(build(), encoding="utf-8")
