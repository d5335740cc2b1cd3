"""Messages of a training process to its launcher while it runs: JSON lines on the standard output."""

import json
import sys
from typing import Any

UPDATE, STATE = "update", "state"  # the first key of such a line


def say(line: dict[str, object]) -> None:
    """Print one line, and flush it at once."""
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def read_message(line: str) -> dict[str, Any]:
    """The message in a line; empty for every other line."""
    if not line.startswith(tuple(f'{{"{kind}"' for kind in (UPDATE, STATE))):
        return {}
    try:
        found: dict[str, Any] = json.loads(line)
    except ValueError:  # two processes wrote at once and mixed their lines
        return {}
    return found
