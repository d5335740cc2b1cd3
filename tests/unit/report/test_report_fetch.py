"""A report comes whole, or not at all."""

import hashlib
import json
from pathlib import Path

import pytest

from shallowsight.cluster.submission.fetch import fetch_report
from shallowsight.errors import ConfigurationError, CorruptOutput
from shallowsight.store.objects.objects import Objects
from shallowsight.store.objects.opening import open_objects

FILES = {
    "report.html": b"<p>",
    "report.json": b"{}",
    "curves.png": b"\x89PNG",
    "submissions/3-seed-0-mmvet.json": b"{}",
}


@pytest.fixture
def store(tmp_path: Path) -> Objects:
    objects = open_objects((tmp_path / "store").as_uri())
    for name, data in FILES.items():
        objects.put_bytes(f"report/{name}", data)
    objects.put_bytes("cells/x/cell.json", b"{}")
    return objects


def list_them(store: Objects, changes: dict[str, bytes] | None = None) -> None:
    sums = {name: hashlib.sha256(data).hexdigest() for name, data in {**FILES, **(changes or {})}.items()}
    store.put_bytes("report/files.json", json.dumps(sums).encode())


def found(out: Path) -> dict[str, bytes]:
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.is_file()}


@pytest.mark.parametrize("listed", [False, True], ids=["without sums", "with sums"])
def test_the_whole_report(store: Objects, tmp_path: Path, listed: bool) -> None:
    if listed:
        list_them(store)
        store.put_bytes("report/left over.tmp", b"")  # of a writer that was killed
    out = tmp_path / "a" / "out"
    assert fetch_report(store.url, out) == out / "report.html"
    assert found(out) == FILES
    store.put_bytes("report/report.json", b"new")
    if not listed:
        fetch_report(store.url, out)
        assert found(out) == {**FILES, "report.json": b"new"}
    assert sorted(path.name for path in out.parent.iterdir()) == ["out"]


def test_a_changed_file_leaves_the_earlier_report(store: Objects, tmp_path: Path) -> None:
    fetch_report(store.url, tmp_path / "out")
    list_them(store, {"curves.png": b"what was written"})
    with pytest.raises(CorruptOutput, match=r"curves.png is not the file that was written"):
        fetch_report(store.url, tmp_path / "out")
    assert found(tmp_path / "out") == FILES
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "store"]


def test_a_listed_file_that_is_gone(store: Objects, tmp_path: Path) -> None:
    list_them(store)
    store.delete("report/curves.png")
    with pytest.raises(CorruptOutput, match=r"curves.png is missing"):
        fetch_report(store.url, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["store"]


def test_no_report_yet(tmp_path: Path) -> None:
    open_objects((tmp_path / "store").as_uri()).put_bytes("study.json", b"{}")
    with pytest.raises(ConfigurationError, match=r"in file://.*/store: the study exists, but has no report yet"):
        fetch_report((tmp_path / "store").as_uri(), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_no_study_at_all(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"in file://.*/none, but there is no study \(no study.json\)"):
        fetch_report((tmp_path / "none").as_uri(), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["mine.txt", "below/mine.txt"])
def test_other_files_stay(store: Objects, tmp_path: Path, name: str) -> None:
    mine = tmp_path / "out" / name
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    with pytest.raises(ConfigurationError, match=f"the report into .*would be deleted: {name};"):
        fetch_report(store.url, tmp_path / "out")
    assert found(tmp_path / "out") == {name: b"mine"}


def test_out_is_a_file(store: Objects, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(ConfigurationError, match="is a file; name a folder"):
        fetch_report(store.url, tmp_path / "out")


@pytest.mark.parametrize("text", [b"{", b"[]"], ids=["torn", "a list"])
def test_a_broken_list_of_files_is_refused(store: Objects, tmp_path: Path, text: bytes) -> None:
    store.put_bytes("report/files.json", text)
    with pytest.raises(CorruptOutput, match="`shallowsight report` writes it again"):
        fetch_report(store.url, tmp_path / "out")


def test_a_list_never_leads_out_of_the_folder(store: Objects, tmp_path: Path) -> None:
    store.put_bytes("report/files.json", json.dumps({"report.html": "0", "../escaped": "0"}).encode())
    with pytest.raises(ConfigurationError, match="object key"):
        fetch_report(store.url, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["store"]


def test_an_earlier_report_comes_back_when_the_new_one_cannot_take_its_place(
    store: Objects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch_report(store.url, tmp_path / "out")
    store.put_bytes("report/report.json", b"new")
    rename = Path.rename

    def fail_for_the_new(path: Path, to: Path) -> Path:
        if path.name == "new":
            raise OSError(28, "No space left on device")
        return rename(path, to)

    monkeypatch.setattr(Path, "rename", fail_for_the_new)
    with pytest.raises(OSError, match="No space left"):
        fetch_report(store.url, tmp_path / "out")
    assert found(tmp_path / "out") == FILES
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "store"]
