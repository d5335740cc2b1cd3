"""Recurring runs on a Kubeflow Pipelines server."""

from typing import Any

from shallowsight.cluster.kubeflow.api import PAGE, KfpApi
from shallowsight.cluster.kubeflow.faults import NotThere
from shallowsight.cluster.kubeflow.values import NewRecurringRun, RecurringRun, Version


class RecurringRuns:
    """The recurring runs of a server."""

    def __init__(self, api: KfpApi) -> None:
        self._api = api

    def all(self) -> list[RecurringRun]:
        """All recurring runs of the server, also those that other tools made."""
        api = self._api.client.recurring_runs
        found = self._api.all(
            "listing recurring runs",
            lambda token, timeout: api.recurring_run_service_list_recurring_runs(
                page_token=token, page_size=PAGE, namespace=self._api.namespace, _request_timeout=timeout
            ),
            lambda page: page.recurring_runs,
        )
        return [_recurring_run(each) for each in found]

    def create(self, new: NewRecurringRun, experiment: str, version: Version) -> str:
        """Make a recurring run and return its id."""
        models, api = self._api.models, self._api.client.recurring_runs
        body = models.V2beta1RecurringRun(
            display_name=new.name,
            description=new.description,
            experiment_id=experiment,
            mode="ENABLE" if new.enabled else "DISABLE",
            trigger=models.V2beta1Trigger(cron_schedule=models.V2beta1CronSchedule(cron=new.cron)),
            pipeline_version_reference=self._api.reference(version),
            runtime_config=models.V2beta1RuntimeConfig(parameters=dict(new.arguments)),
            max_concurrency=str(new.max_concurrency),
            no_catchup=not new.catchup,
            service_account=new.service_account,
        )
        made = self._api.ask(
            f"making the recurring run {new.name!r}",
            lambda timeout: api.recurring_run_service_create_recurring_run(body, _request_timeout=timeout),
        )
        return str(made.recurring_run_id)

    def switch(self, run_id: str, *, on: bool) -> None:
        """Enable or disable a recurring run."""
        api = self._api.client.recurring_runs
        use = api.recurring_run_service_enable_recurring_run if on else api.recurring_run_service_disable_recurring_run
        self._api.ask(
            f"{'enabling' if on else 'disabling'} the recurring run {run_id}",
            lambda timeout: use(run_id, _request_timeout=timeout),
        )

    def delete(self, run_id: str) -> None:
        """Delete a recurring run; no error if it does not exist. Runs that it has started go on."""
        api = self._api.client.recurring_runs
        try:
            self._api.ask(
                f"deleting the recurring run {run_id}",
                # By default, Kubernetes would end the running trainings together with the recurring run.
                lambda timeout: api.recurring_run_service_delete_recurring_run(
                    run_id, propagation_policy="ORPHAN", _request_timeout=timeout
                ),
            )
        except NotThere:
            pass


def _recurring_run(found: Any) -> RecurringRun:
    cron = found.trigger.cron_schedule if found.trigger else None
    return RecurringRun(
        id=str(found.recurring_run_id),
        # A recurring run that the server cannot read any more has only an id and an error.
        name=found.display_name or "",
        description=found.description or "",
        enabled=found.mode == "ENABLE",
        created=found.created_at,
        cron=cron.cron if cron else "",
        arguments=(found.runtime_config.parameters or {}) if found.runtime_config else {},
        max_concurrency=int(found.max_concurrency or 0),
        catchup=not found.no_catchup,  # None stands for False, because the server leaves out false values
    )
