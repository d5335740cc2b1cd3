"""The metrics that there are: our own, as Prometheus stores them, and those of others that the rules rely on."""

import re

from shallowsight.observe.metrics.names import COUNTERS, FAILED, GAUGES, NODE_GAUGES, PREFIX, RETRAINING

_HISTOGRAM = {f"update_seconds_{part}" for part in ("bucket", "sum", "count")}
OURS = {f"{PREFIX}{name}" for name in {*GAUGES, *NODE_GAUGES, *COUNTERS, FAILED} | _HISTOGRAM} | {RETRAINING}
# Of dcgm-exporter, of Kueue, and of Prometheus itself.
_OTHERS = {
    "DCGM_FI_DEV_GPU_UTIL",
    "DCGM_FI_DEV_FB_USED",
    "kueue_pending_workloads",
    "kueue_admitted_active_workloads",
    "up",
    "ALERTS",
}
KNOWN = OURS | _OTHERS
_QUOTED = re.compile(r'"[^"]*"')
_METRIC = re.compile(r"\b(?:shallowsight[\w:]*|DCGM_\w+|kueue_\w+|up\b|ALERTS\b)")


def metrics_in(query: str) -> set[str]:
    """Names of metrics and of recording rules in a query."""
    return set(_METRIC.findall(_QUOTED.sub("", query)))
