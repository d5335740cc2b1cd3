"""schedules.yaml on a server: create, nothing to do, update, switch, delete, and hands off what is not ours."""

from pathlib import Path

import pytest
from fake_kfp import FakeKfp, connect
from kfp_schedules import DAILY, HEAD, WEEKLY, active, apply, kinds, named, schedules

from shallowsight.cluster.kubeflow.shipped import shipped
from shallowsight.cluster.schedules.apply import carry_out, changes_for, deletions, existing
from shallowsight.errors import ConfigurationError


def test_create(kfp: FakeKfp, tmp_path: Path) -> None:
    wanted = schedules(tmp_path, HEAD + WEEKLY + DAILY)
    assert apply(kfp, wanted) == ["shallowsight.default.weekly: create done", "shallowsight.default.daily: create done"]
    (weekly,), (daily,) = named(kfp, "weekly"), named(kfp, "daily")
    assert weekly["trigger"] == {"cron_schedule": {"cron": "0 0 2 * * 1"}}
    assert weekly["mode"] == "ENABLE"
    assert (weekly["max_concurrency"], weekly["no_catchup"]) == ("1", True)
    assert weekly["runtime_config"]["parameters"] == {
        "priority": "shallowsight-scheduled",
        "study": "demo",
        "settings": ["3", "3,6:concat"],
        "overrides": [],
        "store": "s3://bucket/retrain/weekly",
        "gpus": "8",
        "step_gpus": "1",
    }
    assert daily["runtime_config"]["parameters"] == {
        "priority": "shallowsight-scheduled",
        "experiment": "quick",
        "overrides": ['vision.layers="6"'],
        "store": "s3://bucket/retrain/daily",
        "gpus": "0",
        "step_gpus": "0",
    }
    version = kfp.things["versions"][weekly["pipeline_version_reference"]["pipeline_version_id"]]
    assert version["display_name"] == shipped("retrain").version
    assert kfp.uploads[version["pipeline_version_id"]] == shipped("retrain").text
    assert [e["display_name"] for e in kfp.things["experiments"].values()] == ["shallowsight"]


def test_all_that_an_entry_says_is_sent_and_read_back(kfp: FakeKfp, tmp_path: Path) -> None:
    more = DAILY.replace("experiment", "max_concurrency: 3, catchup: true, step_gpus: 2, experiment")
    wanted = schedules(tmp_path, f"service_account: trainer\nkfp_experiment: mine\n{HEAD}{more}")
    apply(kfp, wanted)
    (daily,) = named(kfp, "daily")
    assert (daily["max_concurrency"], daily["no_catchup"], daily["service_account"]) == ("3", False, "trainer")
    assert daily["runtime_config"]["parameters"]["step_gpus"] == "2"
    assert kfp.things["experiments"][daily["experiment_id"]]["display_name"] == "mine"
    del daily["no_catchup"]  # a server leaves out what is false
    (found,) = existing(wanted, connect(kfp))
    assert (found.max_concurrency, found.catchup, found.enabled) == (3, True, True)


def test_the_same_again_changes_nothing(kfp: FakeKfp, tmp_path: Path) -> None:
    wanted = schedules(tmp_path, HEAD + WEEKLY + DAILY)
    apply(kfp, wanted)
    done = len(kfp.changes)
    assert apply(kfp, wanted) == []
    assert len(kfp.changes) == done
    assert set(kinds(kfp, wanted).values()) == {"same"}


def test_update(kfp: FakeKfp, tmp_path: Path) -> None:
    apply(kfp, schedules(tmp_path, HEAD + WEEKLY + DAILY))
    (old,), (daily,) = named(kfp, "weekly"), named(kfp, "daily")
    done, asked = len(kfp.changes), len(kfp.requests)
    wanted = schedules(tmp_path, HEAD + WEEKLY.replace("0 2", "0 3") + DAILY)
    assert kinds(kfp, wanted) == {"shallowsight.default.weekly": "update", "shallowsight.default.daily": "same"}
    assert apply(kfp, wanted) == ["shallowsight.default.weekly: update done"]
    (new,) = named(kfp, "weekly")
    assert (new["trigger"]["cron_schedule"]["cron"], new["mode"]) == ("0 0 3 * * 1", "ENABLE")
    assert named(kfp, "daily") == [daily]
    old_id, new_id = old["recurring_run_id"], new["recurring_run_id"]
    verbs = [(method, path.removeprefix("/apis/v2beta1/")) for method, path in kfp.changes[done:]]
    assert verbs == [
        ("POST", "recurringruns"),
        ("POST", f"recurringruns/{old_id}:disable"),
        ("POST", f"recurringruns/{new_id}:enable"),
        # Else Kubernetes would end the training that the old one has started.
        ("DELETE", f"recurringruns/{old_id}?propagation_policy=ORPHAN"),
    ]
    assert asked < len(kfp.requests)


def test_switches_in_place(kfp: FakeKfp, tmp_path: Path) -> None:
    apply(kfp, schedules(tmp_path, HEAD + DAILY))
    (before,) = named(kfp, "daily")
    off = schedules(tmp_path, HEAD + DAILY.replace("experiment", "enabled: false, experiment"))
    assert apply(kfp, off) == ["shallowsight.default.daily: disable done"]
    assert (named(kfp, "daily")[0]["recurring_run_id"], active(kfp, "daily")) == (before["recurring_run_id"], [])
    assert apply(kfp, off) == []
    assert apply(kfp, schedules(tmp_path, HEAD + DAILY)) == ["shallowsight.default.daily: enable done"]
    assert [run["recurring_run_id"] for run in active(kfp, "daily")] == [before["recurring_run_id"]]


def test_a_disabled_one_is_never_on(kfp: FakeKfp, tmp_path: Path) -> None:
    entry = DAILY.replace("experiment", "enabled: false, experiment")
    seen: list[int] = []
    kfp.after = lambda: seen.append(len(active(kfp, "daily")))
    apply(kfp, schedules(tmp_path, HEAD + entry))
    apply(kfp, schedules(tmp_path, HEAD + entry.replace("0 4", "0 5")))
    assert len(named(kfp, "daily")) == 1
    assert set(seen) == {0}


def test_prune_and_delete(kfp: FakeKfp, tmp_path: Path) -> None:
    apply(kfp, schedules(tmp_path, HEAD + WEEKLY + DAILY))
    wanted = schedules(tmp_path, HEAD + DAILY)
    assert apply(kfp, wanted) == []
    assert len(named(kfp, "weekly")) == 1
    assert kinds(kfp, wanted)["shallowsight.default.weekly"] == "extra"
    assert apply(kfp, wanted, prune=True) == ["shallowsight.default.weekly: delete done"]
    assert named(kfp, "weekly") == []
    apply(kfp, schedules(tmp_path, HEAD + WEEKLY + DAILY))
    for prune, left in ((False, 1), (True, 0)):
        api = connect(kfp)
        carry_out(deletions(wanted, api, prune=prune), api, lambda _: None)
        assert (len(named(kfp, "weekly")), len(named(kfp, "daily"))) == (left, 0)


def test_what_is_not_ours_is_never_touched(kfp: FakeKfp, tmp_path: Path) -> None:
    foreign = [
        kfp.add("recurringruns", {"display_name": name, "description": text, "mode": "ENABLE"})
        for name, text in (
            ("shallowsight.default.weekly", "made by hand in the pages"),
            ("nightly", ""),
            ("shallowsight.other.weekly", "Made by `shallowsight schedule apply`, spec 0123456789abcdef, ..."),
        )
    ]
    foreign.append(kfp.add("recurringruns", {"error": {"code": 13, "message": "cannot be read"}}))
    before = [dict(run) for run in foreign]
    apply(kfp, schedules(tmp_path, HEAD + WEEKLY))
    apply(kfp, schedules(tmp_path, HEAD + WEEKLY.replace("0 2", "0 3")), prune=True)
    api = connect(kfp)
    carry_out(deletions(schedules(tmp_path, HEAD + WEEKLY), api, prune=True), api, lambda _: None)
    assert kfp.recurring == before


def test_more_than_one_page(kfp: FakeKfp, tmp_path: Path) -> None:
    kfp.page = 2
    for number in range(5):
        kfp.add("recurringruns", {"display_name": f"other {number}", "mode": "ENABLE"})
    wanted = schedules(tmp_path, HEAD + WEEKLY + DAILY)
    apply(kfp, wanted)
    assert len(kfp.recurring) == 7
    assert apply(kfp, wanted) == []
    assert len(kfp.recurring) == 7


def test_a_new_text_of_the_pipeline_is_an_update(kfp: FakeKfp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    from shallowsight.cluster.schedules import apply as schedule_apply

    wanted = schedules(tmp_path, HEAD + DAILY)
    apply(kfp, wanted)
    monkeypatch.setattr(schedule_apply, "shipped", lambda *a: replace(shipped(*a), text=shipped(*a).text + "#"))
    assert apply(kfp, wanted) == ["shallowsight.default.daily: update done"]
    assert len(kfp.things["pipelines"]) == 1
    assert len(kfp.things["versions"]) == 2


def test_another_parallelism_is_an_update(kfp: FakeKfp, tmp_path: Path) -> None:
    apply(kfp, schedules(tmp_path, HEAD + WEEKLY))
    assert kinds(kfp, schedules(tmp_path, HEAD + WEEKLY.replace("gpus", "parallelism: 2, gpus"))) == {
        "shallowsight.default.weekly": "same"
    }
    wanted = schedules(tmp_path, HEAD + WEEKLY.replace("gpus", "parallelism: 4, gpus"))
    (change,) = changes_for(wanted, connect(kfp), prune=False)
    assert change.says() == ["parallelism: 2 -> 4", f"pipeline: now retrain {shipped('retrain', 4).version}"]
    assert apply(kfp, wanted) == ["shallowsight.default.weekly: update done"]
    (weekly,) = named(kfp, "weekly")
    text = kfp.uploads[weekly["pipeline_version_reference"]["pipeline_version_id"]]
    assert "parallelismLimit: 4\n" in text
    assert apply(kfp, wanted) == []


def test_one_setting_takes_no_parallelism(kfp: FakeKfp, tmp_path: Path) -> None:
    wanted = schedules(tmp_path, HEAD + DAILY.replace("experiment", "parallelism: 2, experiment"))
    with pytest.raises(ConfigurationError, match="schedule daily: pipeline train_and_evaluate trains one setting"):
        changes_for(wanted, connect(kfp), prune=False)
