"""A scheduled run and the finished run before it, in one store that several runs share."""

import json
from pathlib import Path

import numpy as np
import pytest
from study_builder import Builder

from shallowsight.errors import ConfigurationError
from shallowsight.report.compare.values import Compared, Verdict
from shallowsight.steps import artifacts, comparing
from shallowsight.steps.comparing import compare_with_run_before, open_run
from shallowsight.store.mirror import MirroredStore
from shallowsight.store.objects.opening import open_objects
from shallowsight.store.store import FINISHED, Store

CURVES = {"count": {2: 0.6, 7: 0.6, 11: 0.6}, "colour": {2: 0.8, 7: 0.8, 11: 0.8}}
WORSE = {"count": {2: 0.6, 7: 0.2, 11: 0.6}, "colour": {2: 0.8, 7: 0.4, 11: 0.8}}


class Week:
    """Runs of one schedule, as the boxes leave them in a bucket."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = (folder / "bucket").as_uri()

    def store(self, run: str) -> MirroredStore:
        return MirroredStore(open_objects(self.url), self.folder / "here", run)

    def trained(self, run: str, curves: dict[str, dict[int, float]] = CURVES, **more: object) -> MirroredStore:
        rng = np.random.default_rng([ord(c) for c in run])
        planted = {"seeds": (0, 1, 2, 3, 4), "seed_sd": 0.005, "fusion_gain": None, "salt": run}
        made = Builder(**(planted | more), curves=curves, rng=rng).write(self.folder / run)  # type: ignore[arg-type]
        store, objects = self.store(run), open_objects(self.url)
        for name in ("study.json", "plan.json"):
            store.write_document(name, (made / name).read_text())
        for path in (made / "cells").rglob("*"):
            if path.is_file() and path.name != "cell.json":
                objects.put_file(str(path.relative_to(made)), path)
        for path in (made / "cells").glob("*/cell.json"):
            record = json.loads(path.read_text()) | {"parents": {}}
            objects.put_bytes(str(path.relative_to(made)), json.dumps(record).encode())
        return store


@pytest.fixture
def week(tmp_path: Path) -> Week:
    return Week(tmp_path)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look at the time is a minute later, in an order that names of runs do not have."""
    from datetime import UTC, datetime, timedelta

    class Later(datetime):
        minutes = 0

        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            cls.minutes += 1
            return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=cls.minutes)

    monkeypatch.setattr(comparing, "datetime", Later)


def test_a_first_run_has_nothing_to_compare_with(week: Week) -> None:
    said = compare_with_run_before(week.trained("r1"))
    assert said == f"nothing to compare with: this is the first run of the study demo in {week.url}"
    assert json.loads(week.store("r1").read_document(FINISHED) or "")["study"] == "demo"


def test_a_run_is_compared_with_the_finished_one_that_ended_last(week: Week, clock: None) -> None:
    for run in ("z", "a"):  # `a` ended later
        compare_with_run_before(week.trained(run))
    found = compare_with_run_before(week.trained("m", WORSE))
    assert isinstance(found, Compared)
    assert found.before.place.endswith(", run a") and found.after.place.endswith(", run m")
    assert {d.pair.before.setting for d in found.having(Verdict.WORSE)} == {"7"}
    # The box is tried again after a lost node: it does not compare a run with itself.
    again = compare_with_run_before(week.store("m"))
    assert isinstance(again, Compared) and again.before.place.endswith(", run a")


def test_an_unfinished_run_is_not_the_one_before(week: Week, clock: None) -> None:
    compare_with_run_before(week.trained("first"))
    said = compare_with_run_before(week.trained("half", unfinished={("7", 0)}))
    assert isinstance(said, Compared) and week.store("half").read_document(FINISHED) is None
    found = compare_with_run_before(week.trained("third"))
    assert isinstance(found, Compared) and found.before.place.endswith(", run first")


def test_a_run_of_another_study_is_not_the_one_before(week: Week, clock: None) -> None:
    week.store("other").write_document(FINISHED, json.dumps({"study": "other", "time": "2099"}))
    assert str(compare_with_run_before(week.trained("own"))).startswith(
        "nothing to compare with: this is the first run"
    )


def test_nothing_new_is_the_same_model(week: Week, clock: None) -> None:
    first = week.trained("first")
    compare_with_run_before(first)
    second = week.store("second")
    for name in ("study.json", "plan.json"):
        second.write_document(name, first.read_document(name) or "")
    found = compare_with_run_before(second)
    assert isinstance(found, Compared)
    assert {d.verdict for d in found.differences} == {Verdict.SAME_MODEL}


def test_a_run_whose_study_was_never_resolved(week: Week) -> None:
    assert compare_with_run_before(week.store("r1")) == "nothing to compare: the study of this run was not resolved"


def test_a_run_without_any_result(week: Week) -> None:
    compare_with_run_before(week.trained("first"))
    said = compare_with_run_before(week.trained("second", evaluated=False))
    assert isinstance(said, str) and said.startswith("nothing to compare: ") and "no finished training of it" in said


def test_a_folder_keeps_one_run(tmp_path: Path) -> None:
    said = compare_with_run_before(Store(tmp_path))
    assert said == "nothing to compare with: this store keeps one run only; a bucket keeps those before"


def test_a_run_that_a_store_does_not_have(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="has no run 'r9': it has no runs"):
        open_run(str(tmp_path), "r9")


def test_what_kubeflow_is_shown(week: Week, clock: None, tmp_path: Path) -> None:
    first = compare_with_run_before(week.trained("first"))
    artifacts.write_comparison(first, str(tmp_path / "first.md"))
    assert (tmp_path / "first.md").read_text().startswith("nothing to compare with: this is the first run")
    assert artifacts.comparison_numbers(first) == {}
    second = compare_with_run_before(week.trained("second", WORSE))
    artifacts.write_comparison(second, str(tmp_path / "second.md"))
    assert (tmp_path / "second.md").read_text().startswith("# The second study is worse in 3 of 9 comparisons")
    numbers = artifacts.comparison_numbers(second)
    assert (numbers["worse"], numbers["not_distinguishable"], numbers["the_same_model"]) == (3, 6, 0)
    assert numbers["change of 7 in points"] == pytest.approx(-40, abs=5)  # 600 questions: a standard error below 2
