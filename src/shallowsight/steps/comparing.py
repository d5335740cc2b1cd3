"""Compare the studies of two stores, and a scheduled run with the one before it."""

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from shallowsight.errors import ConfigurationError
from shallowsight.observe.metrics.exposition import Endpoint
from shallowsight.observe.metrics.retraining import show_retraining
from shallowsight.store.opening import open_named
from shallowsight.store.store import FINISHED, STUDY, Store

if TYPE_CHECKING:  # not imported at run time: it needs numpy
    from shallowsight.report.compare.values import Compared, Side


def open_run(place: str, run: str) -> Store:
    """The store at a folder's path or at a URL, and of a bucket the named run, if one is named.

    Raises:
        ConfigurationError: a run is named that the store does not have.
    """
    store = open_named(place, run)
    if not run or (store.read_document(STUDY) is not None and store.run):
        return store
    runs = ", ".join(sorted(store.documents_of_runs(STUDY)))
    have = (
        f"its runs are {runs}" if runs else "it has no runs; only a bucket keeps several, a folder has its last study"
    )
    raise ConfigurationError(f"{place} has no run {run!r}: {have}")


def compare_stores(before: Store, after: Store) -> "Compared":
    """What changed from one study to the other.

    Raises:
        ConfigurationError: one of the stores has no study.
    """
    from shallowsight.report.compare.comparing import compare

    return compare(_side(before), _side(after))


def compare_with_run_before(store: Store) -> "Compared | str":
    """Compare this run with the last finished run of the same study in its store; else why there is none.

    A run whose trainings all have results is noted as finished, so that the next one is compared with it.
    """
    from shallowsight.report.compare.comparing import compare
    from shallowsight.report.compare.words import require_compared

    if not store.run:
        return "nothing to compare with: this store keeps one run only; a bucket keeps those before"
    if store.read_document(STUDY) is None:
        return "nothing to compare: the study of this run was not resolved"
    own = _side(store)
    trials = [t for m in own.study.members for t in m.trials]
    before = _run_before(store, own.study.name)
    if trials and all(t.done for t in trials):
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        store.write_document(FINISHED, json.dumps({"study": own.study.name, "time": now}))
    if before is None:
        return f"nothing to compare with: this is the first run of the study {own.study.name} in {store.name}"
    compared = compare(_side(store.of_run(before)), own)
    try:
        require_compared(compared)
    except ConfigurationError as error:
        return f"nothing to compare: {error}"
    return compared


def verdicts_of(compared: "Compared") -> dict[str, int]:
    """Verdict, its words joined by `_` -> number of comparisons that have it."""
    from shallowsight.report.compare.values import Verdict

    return {verdict.value.replace(" ", "_"): len(compared.having(verdict)) for verdict in Verdict}


def show_comparison(compared: "Compared | str") -> None:
    """Serve the verdicts to Prometheus where the environment names a port, for as long as a scrape takes."""
    if not isinstance(compared, str):
        show_retraining(compared.after.study.name, verdicts_of(compared), Endpoint.from_environment())


def _run_before(store: Store, study: str) -> str | None:
    """The finished run of that study, other than this one, that ended last."""
    found = {run: json.loads(text) for run, text in store.documents_of_runs(FINISHED).items() if run != store.run}
    times = {run: str(each["time"]) for run, each in found.items() if each["study"] == study}
    return max(times, key=lambda run: times[run], default=None)


def _side(store: Store) -> "Side":
    from shallowsight.report.compare.sides import read_side
    from shallowsight.report.inputs import OUTPUTS

    if store.read_document(STUDY) is None:
        raise ConfigurationError(f"{store.name} has no study (no {STUDY}); name the --out of one")
    with store.view(OUTPUTS) as folder:
        return read_side(folder, f"{store.name}, run {store.run}" if store.run else store.name)
