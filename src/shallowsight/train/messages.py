"""What training processes say to their launcher as they go: JSON, one line each, on the standard output."""

import json
import sys
from typing import Any

UPDATE, STATE = "update", "state"  # how such lines begin


def say(line: dict[str, object]) -> None:
    """One line on the standard output, at once."""
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def read_message(line: str) -> dict[str, Any]:
    """What was said; empty for any other line."""
    if not line.startswith(tuple(f'{{"{kind}"' for kind in (UPDATE, STATE))):
        return {}
    try:
        found: dict[str, Any] = json.loads(line)
    except ValueError:  # two processes wrote at once
        return {}
    return found
