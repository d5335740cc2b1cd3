"""Runs on a Kubeflow Pipelines server."""

import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from uuid import uuid4

from shallowsight.cluster.kubeflow.api import PAGE, KfpApi, named
from shallowsight.cluster.kubeflow.faults import ServerUnavailable
from shallowsight.cluster.kubeflow.values import Run, Task, Version

_LOOKS, _PAUSE = 3, 2.0  # how often the server is asked, and the seconds between two requests


class Runs:
    """The runs of a server."""

    def __init__(self, api: KfpApi) -> None:
        self._api = api

    def start(
        self,
        name: str,
        experiment: str,
        version: Version,
        arguments: Mapping[str, object],
        service_account: str | None,
    ) -> str:
        """Start a run and return its id, also if only the answer of the server was lost."""
        mark = f"sent by shallowsight: {uuid4().hex}"
        body = self._api.models.V2beta1Run(
            display_name=name,
            description=mark,
            experiment_id=experiment,
            pipeline_version_reference=self._api.reference(version),
            runtime_config=self._api.models.V2beta1RuntimeConfig(parameters=dict(arguments)),
            service_account=service_account,
        )
        api = self._api.client.runs
        try:
            made = self._api.ask(
                f"starting the run {name!r}", lambda timeout: api.run_service_create_run(body, _request_timeout=timeout)
            )
        except ServerUnavailable as fault:
            found = self._soon(name, experiment, mark)
            if found is None:
                mend = "look at the web page before you submit again: the run may still begin"
                raise ServerUnavailable(f"{fault}; {mend}") from None
            return found
        return str(made.run_id)

    def _soon(self, name: str, experiment: str, mark: str) -> str | None:
        """Look for the run a few times: a server may still be starting it after its gateway has reported an error."""
        for _ in range(_LOOKS):
            with suppress(ServerUnavailable):
                if (found := self._marked(name, experiment, mark)) is not None:
                    return found
            time.sleep(_PAUSE)
        return None

    def _marked(self, name: str, experiment: str, mark: str) -> str | None:
        """The id of the run with this mark in its description; several runs may have the same name."""
        api = self._api.client.runs
        found = self._api.all(
            f"looking whether the run {name!r} was started",
            lambda token, timeout: api.run_service_list_runs(
                experiment_id=experiment, page_token=token, page_size=PAGE, filter=named(name), _request_timeout=timeout
            ),
            lambda page: page.runs,
        )
        return next((str(each.run_id) for each in found if each.description == mark), None)

    def run(self, run_id: str) -> Run:
        """Raises NotThere for an id that the server does not know."""
        api = self._api.client.runs
        found = self._api.ask(
            f"reading the run {run_id!r}", lambda timeout: api.run_service_get_run(run_id, _request_timeout=timeout)
        )
        return _run(found)


def _run(found: Any) -> Run:
    details = found.run_details.task_details if found.run_details else None
    tasks = [_task(each) for each in details or []]
    return Run(
        id=str(found.run_id),
        name=str(found.display_name),
        state=str(found.state or "PENDING"),
        error=_message(found.error),
        # A step that has not begun has no time, and comes last.
        tasks=tuple(sorted(tasks, key=lambda task: (task.started is None, str(task.started)))),
    )


def _task(found: Any) -> Task:
    return Task(
        id=str(found.task_id),
        name=str(found.display_name or found.task_id),
        state=str(found.state or "PENDING"),
        error=_message(found.error),
        started=found.start_time,
    )


def _message(error: Any) -> str:
    return str(error.message or f"code {error.code}") if error else ""
