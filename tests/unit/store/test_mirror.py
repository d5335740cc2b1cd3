"""A study in a bucket: cells exist when they are whole there, whoever made them on whatever machine."""

import json
import threading
from pathlib import Path

import pytest
from built_cells import never
from mirrored import CHILD, PARENT, Bucket, cell_keys, make_text

from shallowsight.errors import LeaseHeld, ShallowsightError, StoreUnavailable
from shallowsight.store.digest import file_sha256
from shallowsight.store.mirror import FILES, MirroredStore
from shallowsight.store.store import CELL, STUDY


def test_a_cell_is_in_the_bucket_when_it_is_built(here: MirroredStore, bucket: Bucket) -> None:
    place = here.build(PARENT, make_text())
    assert cell_keys(bucket) == [f"{PARENT.digest}/{name}" for name in (CELL, "scores.json", "sub/one.txt")]
    assert bucket.get_bytes(f"cells/{PARENT.digest}/{CELL}") == (place / CELL).read_bytes()
    assert here.is_whole(PARENT)


def test_the_record_is_uploaded_last(here: MirroredStore, bucket: Bucket) -> None:
    bucket.gone_before = f"cells/{PARENT.digest}/{CELL}"
    with pytest.raises(StoreUnavailable):
        here.build(PARENT, make_text())
    assert f"{PARENT.digest}/sub/one.txt" in cell_keys(bucket)
    assert here.record(PARENT.digest) is None and not here.is_whole(PARENT)
    assert [line["event"] for line in here.ledger.events()] == ["started", "failed"]


def test_what_was_made_is_not_made_again_when_the_store_comes_back(here: MirroredStore, bucket: Bucket) -> None:
    here.build(PARENT, make_text("parent"))
    bucket.gone_before = f"cells/{CHILD.digest}/"
    with pytest.raises(StoreUnavailable):
        here.build(CHILD, make_text("child"))
    bucket.gone_before = None
    here.build(CHILD, never)
    assert here.is_whole(CHILD)


def test_what_was_made_of_other_parents_is_made_again(
    here: MirroredStore, there: MirroredStore, bucket: Bucket
) -> None:
    here.build(PARENT, make_text("parent"))
    bucket.gone_before = f"cells/{CHILD.digest}/"
    with pytest.raises(StoreUnavailable):
        here.build(CHILD, make_text("old"))
    bucket.gone_before = None
    bucket.delete(f"cells/{PARENT.digest}/{CELL}")
    there.build(PARENT, make_text("another"))
    here.build(CHILD, make_text("new"))
    assert (here.folder(CHILD) / "sub" / "one.txt").read_text() == "new"


@pytest.mark.slow
def test_of_two_machines_one_builds(here: MirroredStore, there: MirroredStore) -> None:
    begun, go_on, made = threading.Event(), threading.Event(), []

    def slowly(out: Path) -> None:
        begun.set()
        assert go_on.wait(10)
        make_text()(out)
        made.append("here")

    first = threading.Thread(target=here.build, args=(PARENT, slowly))
    first.start()
    assert begun.wait(10)
    second = threading.Thread(target=there.build, args=(PARENT, never))
    second.start()
    second.join(0.3)
    assert second.is_alive(), "it did not wait"
    go_on.set()
    first.join(10)
    second.join(10)
    assert made == ["here"] and not second.is_alive() and there.is_whole(PARENT)


def test_who_has_lost_the_lease_does_not_write(here: MirroredStore, bucket: Bucket) -> None:
    def make(out: Path) -> None:
        make_text()(out)
        here._held[PARENT.digest].lost.set()

    with pytest.raises(LeaseHeld, match="another machine now makes this cell; run the same command again"):
        here.build(PARENT, make)
    assert cell_keys(bucket) == []


def test_documents_are_for_all(here: MirroredStore, there: MirroredStore) -> None:
    assert there.read_document(STUDY) is None
    here.write_document(STUDY, "{}")
    assert there.read_document(STUDY) == "{}"
    there.remove_document(STUDY)
    assert here.read_document(STUDY) is None


def test_a_shared_folder_says_last_what_is_in_it(here: MirroredStore, bucket: Bucket) -> None:
    (here.root / "report" / "figures").mkdir(parents=True)
    (here.root / "report" / "report.html").write_text("page")
    (here.root / "report" / "figures" / "a.png").write_bytes(b"a")
    bucket.gone_before = f"report/{FILES}"
    with pytest.raises(StoreUnavailable):
        here.share("report")
    assert bucket.keys("report/") == ["report/figures/a.png", "report/report.html"]
    bucket.gone_before = None
    here.share("report")
    listed = json.loads(bucket.get_bytes(f"report/{FILES}") or b"")
    assert listed == {name: file_sha256(here.root / "report" / name) for name in ("figures/a.png", "report.html")}


def test_a_view_holds_what_a_report_reads(here: MirroredStore, there: MirroredStore) -> None:
    here.build(PARENT, make_text())
    there.build(CHILD, make_text("child"))
    here.write_document(STUDY, "{}")
    with there.view(("scores.json",)) as study:
        found = sorted(str(path.relative_to(study)) for path in study.rglob("*") if path.is_file())
        assert found == sorted(
            ["study.json", "ledger.jsonl"]
            + [f"cells/{cell.digest}/{name}" for cell in (PARENT, CHILD) for name in (CELL, "scores.json")]
        )
        assert json.loads((study / "cells" / CHILD.digest / "scores.json").read_text()) == {"value": "child"}
        events = [json.loads(line) for line in (study / "ledger.jsonl").read_text().splitlines()]
        assert [(e["event"], e["cell"]) for e in events] == [
            (event, cell.digest) for cell in (PARENT, CHILD) for event in ("started", "done")
        ], "of both machines, by time"
    assert not study.exists()


def test_a_view_holds_files_in_folders(here: MirroredStore) -> None:
    def make(out: Path) -> None:
        (out / "submissions").mkdir()
        (out / "submissions" / "mmvet.json").write_text("{}")

    here.build(PARENT, make)
    with here.view(("submissions/mmvet.json",)) as study:
        assert (study / "cells" / PARENT.digest / "submissions" / "mmvet.json").read_text() == "{}"


def test_an_event_that_did_not_reach_the_store_comes_with_the_next(
    here: MirroredStore, bucket: Bucket, caplog: pytest.LogCaptureFixture
) -> None:
    bucket.gone_before = "ledger/"
    here.ledger.append("started", PARENT)
    assert "an event is not in the store's ledger yet" in caplog.text
    bucket.gone_before = None
    here.ledger.append("done", PARENT)
    (key,) = bucket.keys("ledger/")
    assert [json.loads(line)["event"] for line in (bucket.get_bytes(key) or b"").splitlines()] == ["started", "done"]


def test_a_parent_that_is_not_there_is_named(here: MirroredStore) -> None:
    with pytest.raises(ShallowsightError, match=f"reads the cell {PARENT.digest}, which does not exist"):
        here.build(CHILD, make_text())
