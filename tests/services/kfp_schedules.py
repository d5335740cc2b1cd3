"""A schedules.yaml against the fake server, as the tests of `schedule` share it."""

from pathlib import Path

from fake_kfp import FakeKfp, Json, connect

from shallowsight.cluster.schedules.apply import carry_out, changes_for, require_applied
from shallowsight.cluster.schedules.values import Schedules, read_schedules

WEEKLY = "  - {name: weekly, cron: 0 2 * * 1, study: demo, settings: ['3', '3,6:concat'], gpus: 8}\n"
DAILY = "  - {name: daily, cron: 0 4 * * *, experiment: quick, set: {vision.layers: '6'}}\n"
HEAD = "version: 1\ndefaults: {store: 's3://bucket/retrain'}\nschedules:\n"


def schedules(folder: Path, text: str) -> Schedules:
    path = folder / "schedules.yaml"
    path.write_text(text)
    return read_schedules(path)


def kinds(kfp: FakeKfp, wanted: Schedules, *, prune: bool = False) -> dict[str, str]:
    """What would change: name -> kind."""
    return {change.name: change.kind for change in changes_for(wanted, connect(kfp), prune=prune)}


def apply(kfp: FakeKfp, wanted: Schedules, *, prune: bool = False) -> list[str]:
    """What was said."""
    said: list[str] = []
    api = connect(kfp)
    carry_out(changes_for(wanted, api, prune=prune), api, said.append)
    require_applied(wanted, api, prune=prune)
    return said


def named(kfp: FakeKfp, name: str) -> list[Json]:
    return [run for run in kfp.recurring if run["display_name"] == f"shallowsight.default.{name}"]


def active(kfp: FakeKfp, name: str) -> list[Json]:
    return [run for run in named(kfp, name) if run["mode"] == "ENABLE"]
