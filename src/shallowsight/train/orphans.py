"""No training process outlives the one that started it."""

import ctypes
import signal

_LIBRARY = ctypes.CDLL(None)  # loaded before a fork
_PR_SET_PDEATHSIG = 1  # Linux: the signal that a process gets when its parent dies


def die_with_parent() -> None:
    """Of this process, from now on."""
    _LIBRARY.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
