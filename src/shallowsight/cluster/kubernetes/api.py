"""The requests that the launcher sends to a Kubernetes API server, in one namespace."""

import json
from typing import TYPE_CHECKING, Any

from shallowsight.cluster.kubernetes.asking import Asking
from shallowsight.cluster.kubernetes.faults import Fault
from shallowsight.cluster.kubernetes.trainjob import GROUP, NODE, PLURAL, VERSION

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

Object = dict[str, Any]  # a Kubernetes object as JSON

_KUEUE = ("kueue.x-k8s.io", "v1beta2")
_JOB = "jobset.sigs.k8s.io/jobset-name"  # the label by which the pods of a TrainJob are found


class Cluster:
    """Requests for TrainJobs are retried. Requests for pods, logs and events are not: a training does not need them."""

    def __init__(self, client: "ApiClient", namespace: str, patience: float, timeout: float) -> None:
        """`patience` and `timeout` as in `connect`."""
        from kubernetes.client import CoreV1Api, CustomObjectsApi

        self.server: str = client.configuration.host
        self.namespace = namespace
        self._custom, self._core = CustomObjectsApi(client), CoreV1Api(client)
        self._asking = Asking(self.server, patience)
        self._timeout = (timeout, timeout)

    def create(self, body: Object) -> Object | None:
        """Create a TrainJob and return it; None: there is a TrainJob of that name already.

        Raises:
            ConfigurationError: the server refuses the TrainJob.
            ClusterUnavailable: no answer.
        """
        try:
            made: Object = self._asking.ask(
                f"create TrainJob {body['metadata']['name']} in namespace {self.namespace}",
                lambda: _object(
                    self._custom.create_namespaced_custom_object(
                        *self._place,
                        body,
                        field_validation="Strict",  # otherwise the server drops fields that this Trainer does not know
                        _request_timeout=self._timeout,
                    )
                ),
                lambda fault: fault.exists_already,
            )
        except Fault:
            return None
        return made

    def find(self, name: str) -> Object | None:
        """The TrainJob as it is now; None: there is none.

        Raises:
            ConfigurationError: the server refuses.
            ClusterUnavailable: no answer.
        """
        try:
            found: Object = self._asking.ask(
                f"get TrainJob {name} in namespace {self.namespace}",
                lambda: _object(
                    self._custom.get_namespaced_custom_object(*self._place, name, _request_timeout=self._timeout)
                ),
                lambda fault: fault.is_absence_of(PLURAL),
            )
        except Fault:
            return None
        return found

    def delete(self, name: str, uid: str) -> bool:
        """Delete the TrainJob with this uid; its pods get time to save. False: the TrainJob does not exist any more.

        Raises:
            ConfigurationError: the server refuses.
            ClusterUnavailable: no answer.
        """
        # Foreground: the TrainJob exists until its pods have ended, so that its successor cannot run beside them.
        options = {"propagationPolicy": "Foreground", "preconditions": {"uid": uid}}
        try:
            self._asking.ask(
                f"delete TrainJob {name} in namespace {self.namespace}",
                lambda: self._custom.delete_namespaced_custom_object(
                    *self._place, name, body=options, _request_timeout=self._timeout
                ),
                # A conflict (exists_already) means that a TrainJob with a different uid has the name by now.
                lambda fault: fault.is_absence_of(PLURAL) or fault.exists_already,
            )
        except Fault:
            return False
        return True

    def pods(self, name: str) -> list[Object] | None:
        """The pods of a TrainJob; None: the request failed."""
        return self._asking.once(
            "pods",
            lambda: self._core.list_namespaced_pod(
                self.namespace,
                label_selector=f"{_JOB}={name}",
                _preload_content=False,
                _request_timeout=self._timeout,
            ),
            _items,
        )

    def events(self, name: str) -> list[Object] | None:
        """The events about objects of that name; None: the request failed."""
        return self._asking.once(
            "events",
            lambda: self._core.list_namespaced_event(
                self.namespace,
                field_selector=f"involvedObject.name={name}",
                _preload_content=False,
                _request_timeout=self._timeout,
            ),
            _items,
        )

    def workloads(self, uid: str) -> list[Object] | None:
        """Kueue's workloads of a TrainJob; None: the request failed."""
        return self._asking.once(
            "workloads of Kueue",
            lambda: self._custom.list_namespaced_custom_object(
                *_KUEUE,
                self.namespace,
                "workloads",
                label_selector=f"kueue.x-k8s.io/job-uid={uid}",
                _preload_content=False,
                _request_timeout=self._timeout,
            ),
            _items,
        )

    def log(self, pod: str, seconds: int | None = None, lines: int | None = None) -> str | None:
        """A pod's log of the last `seconds`, or its last `lines`, each line with a time; None: the request failed."""
        return self._asking.once(
            "logs",
            lambda: self._core.read_namespaced_pod_log(
                pod,
                self.namespace,
                container=NODE,
                timestamps=True,
                since_seconds=seconds,
                tail_lines=lines,
                _preload_content=False,
                _request_timeout=self._timeout,
            ),
            lambda content: content.decode(errors="replace"),
        )

    @property
    def _place(self) -> tuple[str, str, str, str]:
        return GROUP, VERSION, self.namespace, PLURAL


def _object(answer: Any) -> Object:
    if not isinstance(answer, dict):
        raise Fault(200, f"the answer is not a Kubernetes object: {str(answer)[:200]!r}")
    return answer


def _items(content: bytes) -> list[Object]:
    try:
        items: list[Object] = _object(json.loads(content))["items"]
    except (ValueError, KeyError):
        raise Fault(200, f"the answer is not a list of Kubernetes objects: {content[:200]!r}") from None
    return items
