"""Show how a retraining compares with the run before it, for as long as a scrape takes.

The process that knows it ends at once otherwise, so it stays for SHALLOWSIGHT_METRICS_LINGER seconds where it serves.
"""

import logging
from collections.abc import Mapping

from shallowsight.observe.metrics.exposition import Endpoint, Exposition
from shallowsight.observe.metrics.linger import linger
from shallowsight.observe.metrics.names import RETRAINING, RETRAINING_LABELS, RETRAINING_TEXT

log = logging.getLogger(__name__)


def show_retraining(study: str, verdicts: Mapping[str, int], endpoint: Endpoint | None) -> None:
    """Serve the number of comparisons with each verdict; returns at once without an endpoint."""
    if endpoint is None:
        return
    try:
        from prometheus_client import CollectorRegistry, Gauge
    except ImportError as error:  # the comparison is made, and its files are not to be lost for this
        log.warning("metrics are not served: %s", error)
        return
    registry = CollectorRegistry()
    gauge = Gauge(RETRAINING, RETRAINING_TEXT, RETRAINING_LABELS, registry=registry)
    for verdict, count in verdicts.items():
        gauge.labels(study, verdict).set(count)
    exposition = Exposition(registry, None, endpoint)
    exposition.show_now()
    log.info("metrics are served for %.0f seconds, or until SIGTERM", endpoint.linger)
    linger(endpoint.linger)
    exposition.close(None)
