"""Several pipeline runs at work in one bucket at once: each sees its own study and plan, and reports do not mix."""

import threading
from pathlib import Path

import pytest

from shallowsight.errors import LeaseHeld
from shallowsight.store.lease import Lease, lease
from shallowsight.store.mirror import FILES, MirroredStore
from shallowsight.store.objects.folder import FileObjects
from shallowsight.store.store import STUDY

PLAN = "plan.json"


@pytest.fixture
def bucket(tmp_path: Path) -> FileObjects:
    return FileObjects(tmp_path / "bucket")


def of_run(bucket: FileObjects, tmp_path: Path, run: str) -> MirroredStore:
    return MirroredStore(bucket, tmp_path / "cache", run)


def test_each_run_has_its_own_study_and_plan(bucket: FileObjects, tmp_path: Path) -> None:
    first, second = (of_run(bucket, tmp_path, run) for run in ("one", "two"))
    for store, name in ((first, "a"), (second, "b")):
        store.write_document(STUDY, name)
    for store, name in ((second, "b"), (first, "a")):
        store.write_document(PLAN, name)
    for store, name in ((first, "a"), (second, "b")):
        assert (store.read_document(STUDY), store.read_document(PLAN)) == (name, name)
        with store.view([]) as folder:
            assert (folder / STUDY).read_text() == name == (folder / PLAN).read_text()


def test_without_a_run_the_last_one_counts(bucket: FileObjects, tmp_path: Path) -> None:
    last = of_run(bucket, tmp_path, "")
    assert last.read_document(STUDY) is None
    of_run(bucket, tmp_path, "one").write_document(STUDY, "a")
    of_run(bucket, tmp_path, "two").write_document(STUDY, "b")
    assert last.read_document(STUDY) == "b"
    last.write_document(STUDY, "c")
    assert of_run(bucket, tmp_path, "one").read_document(STUDY) == "a"


def test_a_plan_that_goes_is_gone_for_all_that_come_later(bucket: FileObjects, tmp_path: Path) -> None:
    first, second = (of_run(bucket, tmp_path, run) for run in ("one", "two"))
    first.write_document(PLAN, "a")
    second.remove_document(PLAN)
    assert first.read_document(PLAN) == "a", "a run keeps its own"
    assert of_run(bucket, tmp_path, "").read_document(PLAN) is None


def test_what_trainings_are_told_is_of_no_run(bucket: FileObjects, tmp_path: Path) -> None:
    of_run(bucket, tmp_path, "one").write_document("jobs/x.json", "told")
    assert of_run(bucket, tmp_path, "two").read_document("jobs/x.json") == "told"
    assert list(bucket.keys("runs/")) == []


@pytest.mark.slow
def test_two_reports_at_once_do_not_mix(bucket: FileObjects, tmp_path: Path) -> None:
    store = of_run(bucket, tmp_path, "one")
    (store.root / "report").mkdir(parents=True)
    (store.root / "report" / "report.html").write_text("page")
    sharing = threading.Thread(target=store.share, args=("report",), daemon=True)
    with lease(bucket, "leases/report", "another run"):
        sharing.start()
        sharing.join(0.5)
        assert sharing.is_alive() and list(bucket.keys("report/")) == []
    sharing.join(30)
    assert sorted(bucket.keys("report/")) == [f"report/{FILES}", "report/report.html"]


def test_who_has_lost_the_lease_does_not_say_what_is_in_the_report(
    bucket: FileObjects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = of_run(bucket, tmp_path, "one")
    (store.root / "report").mkdir(parents=True)
    (store.root / "report" / "report.html").write_text("page")
    monkeypatch.setattr(Lease, "_watch", lambda self: self.lost.set())
    with pytest.raises(LeaseHeld, match="another run writes there"):
        store.share("report")
    assert bucket.get_bytes(f"report/{FILES}") is None
