"""Requests to an API server: with retries if the training depends on the answer, otherwise once."""

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from shallowsight.cluster.kubernetes.faults import Fault, fault_of
from shallowsight.errors import ClusterUnavailable, StoreUnavailable
from shallowsight.store.objects.patience import Patience

log = logging.getLogger(__name__)

T = TypeVar("T")


class Asking:
    """Requests to one server; `patience` is the number of seconds for which they are retried."""

    def __init__(self, server: str, patience: float) -> None:
        self._server = server
        self._patience = Patience(f"the cluster {server}", patience)
        self._warned: set[str] = set()

    def ask(self, what: str, request: Callable[[], T], is_condition: Callable[[Fault], bool]) -> T:
        """Send a request, with retries, and return the answer.

        Raises:
            Fault: the answer is about the state of the object (`is_condition`), not a refusal of the request.
            ConfigurationError: the server refuses for another reason.
            ClusterUnavailable: no answer after all retries.
        """
        try:
            return self._patience.ask(what, lambda: _attempt(request), lambda e: isinstance(e, Fault) and e.is_passing)
        except Fault as fault:
            if is_condition(fault):
                raise
            raise fault.refusal(self._server, what) from fault
        except StoreUnavailable as away:
            raise ClusterUnavailable(f"{away}; a training that runs there goes on") from away.__cause__

    def once(self, what: str, request: Callable[[], Any], read: Callable[[bytes], T]) -> T | None:
        """Send a request once, without which the training can go on; None if it fails, which is logged once.

        Args:
            read: turns the answer into the result; raises Fault for an answer that cannot be right.
        """
        try:
            return read(_attempt(lambda: request().data))
        except Fault as fault:
            if what not in self._warned:
                log.warning("%s; going on without it", fault.refusal(self._server, f"read {what}"))
                self._warned.add(what)
            return None


def _attempt(request: Callable[[], T]) -> T:
    try:
        return request()
    except Exception as error:
        raise fault_of(error) from error
