"""Change a server's recurring runs to those of schedules.yaml.

To replace a recurring run, the new one is created disabled, the old one is disabled, the new one is enabled, and the
old one is deleted, so that never both are enabled. After an interruption at any point, the next apply finds the
recurring runs that exist and goes on (see plan.py).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shallowsight.cluster.kubeflow.api import KfpApi
from shallowsight.cluster.kubeflow.recurring import RecurringRuns
from shallowsight.cluster.kubeflow.shipped import Order, shipped
from shallowsight.cluster.kubeflow.values import NewRecurringRun, RecurringRun
from shallowsight.cluster.kubeflow.versions import Versions
from shallowsight.cluster.schedules.plan import Change, Wanted, job_name, ours, plan, removals
from shallowsight.cluster.schedules.values import Schedule, Schedules
from shallowsight.cluster.submission.study import Kind, request, words_for
from shallowsight.errors import Interrupted, ShallowsightError

Say = Callable[[str], None]
_AGAIN = "run the same command again to finish"


def wanted_by(schedules: Schedules) -> list[Wanted]:
    """The recurring runs that the file asks for, checked as far as this machine can.

    Raises:
        ConfigurationError: an entry names something that does not exist or does not fit.
    """
    return [_wanted(schedules, each) for each in schedules.schedules]


def changes_for(schedules: Schedules, api: KfpApi, *, prune: bool) -> list[Change]:
    """The changes that the server needs; reads the server and changes nothing; raises as `wanted_by`."""
    wanted = wanted_by(schedules)
    return plan(wanted, existing(schedules, api), prune=prune)


def existing(schedules: Schedules, api: KfpApi) -> list[RecurringRun]:
    """The recurring runs on the server that belong to this file."""
    return ours(RecurringRuns(api).all(), schedules.name)


def deletions(schedules: Schedules, api: KfpApi, *, prune: bool) -> list[Change]:
    """Deletions of the recurring runs that the file names; with `prune`, of all that files of its name have made."""
    named = {job_name(schedules.name, each.name) for each in schedules.schedules}
    return removals([run for run in existing(schedules, api) if prune or run.name in named])


def carry_out(changes: Sequence[Change], api: KfpApi, say: Say) -> None:
    """Carry out one change after the other; the first failure ends this.

    Raises:
        ShallowsightError: a change failed; the message has the state of that schedule that the server last confirmed.
        Interrupted: Ctrl-C; the message says the same.
    """
    todo = [change for change in changes if change.is_one]
    for number, change in enumerate(todo, 1):
        steps = _Steps(change, api)
        left = f"; {len(todo) - number} more changes were not begun" if number < len(todo) else ""
        try:
            steps.go()
        except ShallowsightError as error:
            raise type(error)(f"{change.name}: {error}. Now {steps.state}{left}; {_AGAIN}") from None
        except KeyboardInterrupt:
            raise Interrupted(f"stopped at {change.name}: now {steps.state}{left}; {_AGAIN}") from None
        say(f"{change.name}: {change.kind} done")


def require_applied(schedules: Schedules, api: KfpApi, *, prune: bool) -> None:
    """Read the server once more and check that no change is left.

    Raises:
        ShallowsightError: the server is not as the file says, perhaps because another client changes it too.
    """
    left = [f"{change.name}: {change.kind}" for change in changes_for(schedules, api, prune=prune) if change.is_one]
    if left:
        raise ShallowsightError(
            f"the server does not show what was applied ({', '.join(left)}); is another apply at work? {_AGAIN}"
        )


@dataclass
class _Steps:
    """The steps of one change; `state` describes the schedule after the last finished step."""

    change: Change
    api: KfpApi
    state: str = "it is as it was"

    def go(self) -> None:
        change, runs = self.change, RecurringRuns(self.api)
        keeper, enabled = self._keeper()
        for old in change.others:
            if old.enabled:
                runs.switch(old.id, on=False)
                if not enabled:
                    self.state = "nothing of this name runs" if change.wanted else "what is left of it is disabled"
        if change.wanted is not None and change.wanted.enabled != enabled:
            runs.switch(keeper, on=change.wanted.enabled)
        if change.wanted is not None:
            self.state = "it is as the file says, but an old one is still there, disabled"
        for old in change.others:
            runs.delete(old.id)

    def _keeper(self) -> tuple[str, bool]:
        """The recurring run that stays, and whether it is enabled."""
        wanted, keeper = self.change.wanted, self.change.keeper
        if wanted is None:
            return "", False
        if keeper is not None:
            return keeper.id, keeper.enabled
        # As long as an old recurring run is enabled, the new one must be disabled.
        enabled = wanted.enabled and not self.change.others
        version = Versions(self.api).version(shipped(wanted.pipeline, wanted.parallelism))
        experiment = self.api.experiment(wanted.kfp_experiment)
        made = RecurringRuns(self.api).create(_body(wanted, enabled), experiment, version)
        self.state = "the old one is as it was, and the new one is there, disabled"
        return made, enabled


def _body(wanted: Wanted, enabled: bool) -> NewRecurringRun:
    return NewRecurringRun(
        name=wanted.name,
        description=wanted.described(),
        enabled=enabled,
        cron=wanted.cron,
        arguments=wanted.arguments,
        max_concurrency=wanted.max_concurrency,
        catchup=wanted.catchup,
        service_account=wanted.service_account,
    )


def _wanted(schedules: Schedules, entry: Schedule) -> Wanted:
    kind: Kind = "study" if entry.study is not None else "experiment"
    gpus = schedules.gpus_of(entry)
    words = words_for(entry.values)
    settings = [f"settings={' '.join(entry.settings)}"] if entry.settings else []
    try:
        # Checked together with the settings, but sent without them: the pipeline has its own way to pass settings.
        request(kind, entry.study or entry.experiment or "", [*words, *settings], gpus)
        asked = request(kind, entry.study or entry.experiment or "", words, gpus)
        pipeline = shipped(schedules.pipeline_of(entry), entry.parallelism)
        order = Order(
            kind=kind,
            name=asked.name,
            words=asked.words,
            settings=entry.settings,
            store=schedules.store_of(entry),
            gpus=gpus,
            step_gpus=schedules.step_gpus_of(entry),
            scheduled=True,
        )
        arguments = pipeline.arguments(order)
    except ShallowsightError as error:
        raise type(error)(f"schedule {entry.name}: {error}") from None
    return Wanted(
        name=job_name(schedules.name, entry.name),
        cron=entry.cron,
        pipeline=pipeline.name,
        version=pipeline.version,
        parallelism=pipeline.parallelism,
        arguments=arguments,
        max_concurrency=entry.max_concurrency,
        catchup=entry.catchup,
        kfp_experiment=schedules.kfp_experiment,
        service_account=schedules.service_account,
        enabled=entry.enabled,
    )
