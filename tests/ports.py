"""Free ports for servers that are told theirs before they open it."""

import itertools
import os
import socket

# Below those that the system gives out by itself; each worker of pytest-xdist has a part of them.
_FIRST, _EACH = 10_000, 1_000
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_next = itertools.count(os.getpid() % _EACH)


def free_port() -> int:
    """Another one at each call."""
    for number in _next:
        port = _FIRST + _WORKER % 20 * _EACH + number % _EACH
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:
            continue
    raise AssertionError("unreachable")
