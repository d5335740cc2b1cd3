"""How a request to a judge can end without a reply. None of these ends a run."""


class Passing(Exception):
    """The same request may succeed later; `after` is for how many seconds the server asks to wait."""

    def __init__(self, message: str, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


class Refused(Exception):
    """There is no reply to this question; the next one may have one."""


class Stopped(Exception):
    """No further question is worth a request."""


class Capped(Stopped):
    """The judge has cost as much as it may: the same evaluation never asks more."""
