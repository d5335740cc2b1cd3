"""How long a TrainJob has trained, and how long it has been waiting."""

from shallowsight.cluster.kubernetes.states import Phase, State


class Clock:
    """All times in seconds. Waiting does not count as training; every new wait is counted from 0."""

    def __init__(self, deadline: float, queue: float, now: float) -> None:
        self._deadline, self._queue = deadline, queue
        self._trained = self._waited = 0.0
        self._looked = now

    def over(self, state: State, now: float) -> str:
        """The limit that is reached, in words; empty if none is.

        The time since the last call counts as spent in `state`.
        """
        passed, self._looked = now - self._looked, now
        if state.phase is Phase.RUNNING:
            self._trained, self._waited = self._trained + passed, 0.0
        else:
            self._waited += passed
        if self._trained > self._deadline:
            return f"has trained for {self._trained:.0f} s, the limit is {self._deadline:.0f} s"
        if self._waited > self._queue:
            return f"waited for {self._waited:.0f} s, the limit is {self._queue:.0f} s; its state is {state}"
        return ""
