"""Send evaluations in a separate process.

weave waits for ever if its server refuses an object, only logs the objects that it could not send, and changes the
process that imports it. A separate process can be ended after a time limit, and reports its result in its last line.
"""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Sequence

from pydantic import ValidationError

from shallowsight.errors import ConfigurationError, MissingPackage, ShallowsightError
from shallowsight.observe.tracking.settings import PROJECT, Tracking, tracking
from shallowsight.observe.tracking.values import Batch, Evaluation, Outcome

_PROCESS = "shallowsight.observe.tracking.weave_process"
_AT_ONCE = 10  # evaluations in a batch
_SECONDS, _SECONDS_PER_ROW = 120.0, 0.05  # for a batch
_KEPT = {"WEAVE_INSECURE_DISABLE_SSL"}
# Settings that stop weave from sending or writing more than the evaluations, and that limit its retries. They are set
# in the environment, because weave's threads see no other settings.
_SETTINGS = {
    "WANDB_ERROR_REPORTING": "false",  # reports to weave's makers contain the values of local variables
    "WEAVE_CAPTURE_CLIENT_INFO": "false",
    "WEAVE_CAPTURE_SYSTEM_INFO": "false",
    "WEAVE_CAPTURE_CODE": "false",
    "WEAVE_ENABLE_DISK_FALLBACK": "false",
    "WEAVE_USE_SERVER_CACHE": "false",
    "WEAVE_IMPLICITLY_PATCH_INTEGRATIONS": "false",
    "WEAVE_PRINT_CALL_LINK": "false",
    "WEAVE_LOG_LEVEL": "WARNING",
    "WEAVE_HTTP_TIMEOUT": "10",  # seconds
    "WEAVE_RETRY_MAX_INTERVAL": "5",
}


def require_tracking() -> Tracking | None:
    """The tracking that the environment asks for, after checks that need no server; None: tracking is off.

    Raises:
        ConfigurationError: a name or a number is wrong, or there is no key.
        MissingPackage: weave is not installed.
        ShallowsightError: weave's process failed when it looked for a key.
    """
    asked = tracking()
    if asked is None:
        return None
    if importlib.util.find_spec("weave") is None:
        raise MissingPackage("weave", extra="tracking")
    fault = _run("check", "", _SECONDS).fault
    if fault is not None:
        raise ConfigurationError(
            f"{PROJECT}={asked.project}: {fault}; set WANDB_API_KEY, or another login that weave reads, or unset "
            f"{PROJECT}"
        )
    return asked


def send(to: Tracking, evaluations: Sequence[Evaluation]) -> Outcome:
    """Send the evaluations that the project does not have completely, one batch after the other.

    Raises:
        ShallowsightError: the server did not accept a whole batch; the batches before it were sent, those after it were
            not tried.
    """
    outcomes: list[Outcome] = []
    for start in range(0, len(evaluations), _AT_ONCE):
        outcome = _send(Batch(project=to.project, evaluations=tuple(evaluations[start : start + _AT_ONCE])))
        if outcome.fault is not None:
            names = ", ".join(each.name for each in evaluations[start:])
            raise ShallowsightError(f"the weave project {to.project} did not accept all of: {names} ({outcome.fault})")
        outcomes.append(outcome)
    return Outcome(
        sent=tuple(name for each in outcomes for name in each.sent),
        already_there=tuple(name for each in outcomes for name in each.already_there),
    )


def _send(batch: Batch) -> Outcome:
    rows = sum(len(each.rows) for each in batch.evaluations)
    try:
        return _run("send", batch.model_dump_json(), _SECONDS + rows * _SECONDS_PER_ROW)
    except ShallowsightError as error:
        return Outcome(fault=str(error))


def _run(task: str, text: str, seconds: float) -> Outcome:
    """The result that weave's process prints; raises ShallowsightError when it prints none."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("WEAVE_") or k in _KEPT} | _SETTINGS
    try:
        done = subprocess.run(
            [sys.executable, "-m", _PROCESS, task],
            input=text,
            env=environment,
            capture_output=True,
            text=True,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        raise ShallowsightError(f"weave's process did not end within {seconds:.0f} seconds") from None
    try:
        return Outcome.model_validate_json(done.stdout.rpartition("\n")[2])
    except ValidationError:
        raise ShallowsightError(f"weave's process ended with status {done.returncode} and printed no result") from None
