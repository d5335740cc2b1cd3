"""Whatever request of an apply fails, two of one name never run at once, and the next apply puts it right."""

from pathlib import Path

import pytest
from fake_kfp import FakeKfp, Fault, connect
from kfp_schedules import DAILY, HEAD, WEEKLY, active, apply, kinds, named, schedules

from shallowsight.cluster.schedules.apply import carry_out, changes_for, require_applied
from shallowsight.errors import Interrupted, ShallowsightError

OLD, NEW = HEAD + WEEKLY, HEAD + WEEKLY.replace("0 2", "0 3")
CHANGES = 4  # of an update: make, disable, enable, delete


def fail_at(kfp: FakeKfp, change: int, fault: Fault) -> None:
    """The change of that number from now on, from 0, and all that follow it."""
    before = len(kfp.changes)

    def rule(method: str, path: str, number: int) -> Fault:
        done = len(kfp.changes) - before - 1
        if method == "GET" or done < change:
            return None
        return fault if done == change else (503, '{"message": "still away"}')

    kfp.rule = rule


@pytest.mark.parametrize(
    "fault", [(500, '{"message": "no"}'), (403, '{"message": "no"}'), "lost"], ids=["500", "403", "lost"]
)
@pytest.mark.parametrize("change", range(CHANGES))
def test_an_update_that_fails_half_way_is_mended(kfp: FakeKfp, tmp_path: Path, change: int, fault: Fault) -> None:
    apply(kfp, schedules(tmp_path, OLD))
    most: list[int] = []
    kfp.after = lambda: most.append(len(active(kfp, "weekly")))
    fail_at(kfp, change, fault)
    wanted = schedules(tmp_path, NEW)
    with pytest.raises(ShallowsightError, match="run the same command again to finish") as failed:
        apply(kfp, wanted)
    kfp.rule = lambda method, path, number: None
    # Unnoticed it never stays, and none is ever lost without another in its place.
    if not (change == CHANGES - 1 and fault == "lost"):
        assert kinds(kfp, wanted)["shallowsight.default.weekly"] in {"update", "mend"}
    assert named(kfp, "weekly")
    apply(kfp, wanted)
    (run,) = named(kfp, "weekly")
    assert (run["mode"], run["trigger"]["cron_schedule"]["cron"]) == ("ENABLE", "0 0 3 * * 1")
    assert max(most) == 1
    assert kinds(kfp, wanted) == {"shallowsight.default.weekly": "same"}
    assert "Now " in str(failed.value)


STATES = [
    pytest.param(0, 1, "Now it is as it was", id="make"),
    pytest.param(1, 1, "Now the old one is as it was, and the new one is there, disabled", id="disable the old"),
    pytest.param(2, 0, "Now nothing of this name runs", id="enable the new"),
    pytest.param(3, 1, "Now it is as the file says, but an old one is still there, disabled", id="delete the old"),
]


@pytest.mark.parametrize(("change", "running", "says"), STATES)
def test_the_message_says_what_is_true_now(kfp: FakeKfp, tmp_path: Path, change: int, running: int, says: str) -> None:
    apply(kfp, schedules(tmp_path, OLD))
    fail_at(kfp, change, (500, "{}"))
    with pytest.raises(ShallowsightError, match=says):
        apply(kfp, schedules(tmp_path, NEW))
    assert len(active(kfp, "weekly")) == running


@pytest.mark.parametrize("change", range(5))
def test_a_first_apply_that_fails_is_mended(kfp: FakeKfp, tmp_path: Path, change: int) -> None:
    """Pipeline, version, experiment, recurring run, and the next entry's."""
    fail_at(kfp, change, "lost")
    wanted = schedules(tmp_path, HEAD + WEEKLY + DAILY)
    with pytest.raises(ShallowsightError):
        apply(kfp, wanted)
    kfp.rule = lambda method, path, number: None
    apply(kfp, wanted)
    assert len(active(kfp, "weekly")) == len(active(kfp, "daily")) == len(kfp.recurring) / 2 == 1
    assert len(kfp.things["pipelines"]) == len(kfp.things["versions"]) == 2
    assert len(kfp.things["experiments"]) == 1


def test_what_was_not_begun_is_told(kfp: FakeKfp, tmp_path: Path) -> None:
    fail_at(kfp, 0, (500, "{}"))
    with pytest.raises(ShallowsightError, match="Now it is as it was; 1 more changes were not begun; run the same"):
        apply(kfp, schedules(tmp_path, HEAD + WEEKLY + DAILY))
    assert kfp.recurring == []


def test_one_that_somebody_else_deletes_meanwhile_is_gone(kfp: FakeKfp, tmp_path: Path) -> None:
    apply(kfp, schedules(tmp_path, OLD))
    (old,) = named(kfp, "weekly")

    def gone(method: str, path: str, number: int) -> Fault:
        if method == "DELETE":
            kfp.things["recurringruns"].pop(old["recurring_run_id"])
        return None

    kfp.rule = gone
    assert apply(kfp, schedules(tmp_path, NEW)) == ["shallowsight.default.weekly: update done"]
    assert len(active(kfp, "weekly")) == 1


def test_ctrl_c_says_what_is_true_now(kfp: FakeKfp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from shallowsight.cluster.kubeflow.recurring import RecurringRuns

    apply(kfp, schedules(tmp_path, OLD))

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(RecurringRuns, "delete", stop)
        with pytest.raises(Interrupted, match=r"stopped at .*weekly: now it is as the file says, but"):
            apply(kfp, schedules(tmp_path, NEW))
    assert apply(kfp, schedules(tmp_path, NEW)) == ["shallowsight.default.weekly: mend done"]
    assert len(named(kfp, "weekly")) == len(active(kfp, "weekly")) == 1


def test_two_applies_at_once_are_noticed_and_mended(kfp: FakeKfp, tmp_path: Path) -> None:
    """Both have seen the old one only: each makes a new one, and the last to look sees two."""
    apply(kfp, schedules(tmp_path, OLD))
    wanted, api = schedules(tmp_path, NEW), connect(kfp)
    seen = changes_for(wanted, api, prune=False)
    assert apply(kfp, wanted) == ["shallowsight.default.weekly: update done"]
    with pytest.raises(ShallowsightError):  # the old one cannot be disabled: it is gone
        carry_out(seen, api, lambda _: None)
    assert len(named(kfp, "weekly")) == 2
    with pytest.raises(ShallowsightError, match=r"does not show what was applied .*weekly: mend.*another apply"):
        require_applied(wanted, api, prune=False)
    assert apply(kfp, wanted) == ["shallowsight.default.weekly: mend done"]
    assert len(named(kfp, "weekly")) == len(active(kfp, "weekly")) == 1
