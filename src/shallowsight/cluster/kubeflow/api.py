"""A Kubeflow Pipelines server. Each method sends one kind of request, with this package's own values."""

import json
from collections.abc import Callable
from typing import Any, TypeVar

from shallowsight.cluster.kubeflow import pipelines
from shallowsight.cluster.kubeflow.access import Access
from shallowsight.cluster.kubeflow.faults import fault_of
from shallowsight.cluster.kubeflow.values import Version
from shallowsight.errors import ShallowsightError

T = TypeVar("T")

PAGE = 100  # entries
Timeout = tuple[int, int]


class KfpApi:
    """Every method raises a subclass of ShallowsightError, made in faults.py; calling a method twice does no harm."""

    def __init__(self, access: Access) -> None:
        """Raises ConfigurationError or MissingPackage; without --namespace, asks whether the server has many users."""
        self.access = access
        try:
            self.client = pipelines.client(access)
        except pipelines.Refusal as refusal:
            raise fault_of(refusal, "connecting", access) from None
        self.namespace = access.namespace or self.client.get_user_namespace() or None
        self.models = self.client.api_models

    def experiment(self, name: str) -> str:
        """The id of the experiment (Kubeflow's word for a folder of runs); makes the experiment if there is none."""
        return self.found_or_made(lambda: self._experiment_id(name), lambda: self._make_experiment(name))

    def found_or_made(self, find: Callable[[], str | None], make: Callable[[], str]) -> str:
        """The id of an object that is found or made.

        If making it fails, look again: another client may have made it, or only the server's answer was lost.
        """
        found = find()
        if found is not None:
            return found
        try:
            return make()
        except ShallowsightError:
            found = find()
            if found is None:
                raise
            return found

    def page_of(self, run_id: str) -> str | None:
        """The URL of a run's web page; None if only the API's address inside a cluster is known."""
        pages = self.access.pages or self.access.host
        return f"{pages.rstrip('/')}/#/runs/details/{run_id}" if pages else None

    def _experiment_id(self, name: str) -> str | None:
        found = self.all(
            f"listing experiments named {name!r}",
            lambda token, timeout: self.client.experiments.experiment_service_list_experiments(
                page_token=token,
                page_size=PAGE,
                filter=named(name),
                namespace=self.namespace,
                _request_timeout=timeout,
            ),
            lambda page: page.experiments,
        )
        return next((str(each.experiment_id) for each in found if each.display_name == name), None)

    def _make_experiment(self, name: str) -> str:
        body = self.models.V2beta1Experiment(display_name=name, namespace=self.namespace)
        made = self.ask(
            f"making the experiment {name!r}",
            lambda timeout: self.client.experiments.experiment_service_create_experiment(
                body, _request_timeout=timeout
            ),
        )
        return str(made.experiment_id)

    def reference(self, version: Version) -> Any:
        """A reference to a version, for the body of a request."""
        return self.models.V2beta1PipelineVersionReference(
            pipeline_id=version.pipeline_id, pipeline_version_id=version.id
        )

    def ask(self, what: str, request: Callable[[Timeout], T]) -> T:
        """Send one request; `what` describes it in the message of an error."""
        try:
            return pipelines.ask(self.client, request)
        except pipelines.Refusal as refusal:
            raise fault_of(refusal, what, self.access) from None

    def all(
        self, what: str, request: Callable[[str, Timeout], Any], entries: Callable[[Any], list[Any] | None]
    ) -> list[Any]:
        """The entries of all pages of a list; `request` gets the token of a page."""
        found: list[Any] = []
        token = ""
        while True:
            page = self.ask(what, lambda timeout, token=token: request(token, timeout))  # type: ignore[misc]
            found += entries(page) or []
            token = page.next_page_token or ""
            if not token:
                return found


def named(name: str) -> str:
    """A filter that lists only the objects with this name."""
    return json.dumps({"predicates": [{"operation": "EQUALS", "key": "display_name", "stringValue": name}]})
