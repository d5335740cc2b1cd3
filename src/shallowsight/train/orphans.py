"""Ends a training process when the process that started it ends."""

import ctypes
import signal

_LIBRARY = ctypes.CDLL(None)  # loaded here, because loading it in a forked child is not safe
_PR_SET_PDEATHSIG = 1  # Linux: the signal that a process gets when its parent dies


def die_with_parent() -> None:
    """Let the kernel kill this process when its parent dies, from now on."""
    _LIBRARY.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
