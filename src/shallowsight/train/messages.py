"""What training processes say to whoever started them: JSON, one line each, on the standard output."""

import json
import sys
from typing import Any

from shallowsight.errors import OutOfMemory, ShallowsightError

UPDATE, STATE, FAILURE = "update", "state", "failure"  # how such lines begin


def say(line: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def say_failure(error: ShallowsightError) -> None:
    more = {"more_passes": error.more_passes} if isinstance(error, OutOfMemory) else {}
    say({FAILURE: type(error).__name__, "message": str(error), **more})


def read_message(line: str) -> dict[str, Any]:
    """What was said; empty for any other line."""
    if not line.startswith(tuple(f'{{"{kind}"' for kind in (UPDATE, STATE, FAILURE))):
        return {}
    try:
        found: dict[str, Any] = json.loads(line)
    except ValueError:  # two processes wrote at once
        return {}
    return found
