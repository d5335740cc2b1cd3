"""Why a TrainJob has no pods yet, from Kueue's workloads and from events, if this account may read them."""

from collections.abc import Iterable

from shallowsight.cluster.kubernetes.api import Cluster, Object
from shallowsight.cluster.kubernetes.states import Phase, State
from shallowsight.cluster.kubernetes.trainjob import NODE

_LONGEST = 300
_SECOND = len("2026-01-01T00:00:00")


def with_reason(state: State, cluster: Cluster, found: Object) -> State:
    """The state of a TrainJob that has no pods, with the reason that Kueue, the Trainer or Kubernetes gives."""
    if state.phase is Phase.QUEUED:
        said = _of_the_queue(cluster.workloads(found["metadata"]["uid"]) or [])
        return State(state.phase, f"{state.why}: {said}") if said else state
    name = found["metadata"]["name"]
    # The TrainJob and its JobSet have the same name; the pods are made by a Job below them.
    events = [*(cluster.events(name) or []), *(cluster.events(f"{name}-{NODE}-0") or [])]
    return State(state.phase, _last_warning(events, found["metadata"].get("creationTimestamp") or "") or state.why)


def _of_the_queue(workloads: Iterable[Object]) -> str:
    conditions = [each for workload in workloads for each in (workload.get("status") or {}).get("conditions") or []]
    reserved = next((each for each in conditions if each["type"] == "QuotaReserved"), None)
    return "" if reserved is None or reserved["status"] == "True" else str(reserved.get("message") or "")[:_LONGEST]


def _last_warning(events: Iterable[Object], since: str) -> str:
    """The last warning among events; `since` leaves out those of an earlier TrainJob of the same name."""
    warnings = [each for each in events if each.get("type") == "Warning" and _time(each) >= since[:_SECOND]]
    return str(max(warnings, key=_time).get("message") or "")[:_LONGEST] if warnings else ""


def _time(event: Object) -> str:
    found = event.get("lastTimestamp") or event.get("eventTime") or event["metadata"].get("creationTimestamp") or ""
    return str(found)[:_SECOND]
