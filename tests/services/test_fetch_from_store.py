"""The report that a study shares, brought from a folder and from a real S3 server."""

from pathlib import Path

import pytest

from shallowsight.cluster.submission.fetch import fetch_report
from shallowsight.errors import ConfigurationError, CorruptOutput
from shallowsight.store.objects.objects import Objects
from shallowsight.store.opening import CACHE, open_store

FILES = {"report.html": b"<p>", "curves.png": bytes(range(256)) * 40_000}  # more than one part


@pytest.fixture
def shared(url: str, objects: Objects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Objects:
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))
    store = open_store(url)
    (store.root / "report").mkdir(parents=True)
    for name, data in FILES.items():
        (store.root / "report" / name).write_bytes(data)
    store.share("report")
    return objects


def test_what_was_shared_comes_back(shared: Objects, url: str, tmp_path: Path) -> None:
    page = fetch_report(url, tmp_path / "out")
    assert {path.name: path.read_bytes() for path in page.parent.iterdir()} == FILES


def test_no_study_is_not_the_same_as_no_report(objects: Objects, url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=f"asked for the report of the study in {url}, but there is no study"):
        fetch_report(url, tmp_path / "out")
    objects.put_bytes("study.json", b"{}")
    with pytest.raises(ConfigurationError, match=f"study in {url}: the study exists, but has no report yet"):
        fetch_report(url, tmp_path / "out")


def test_a_changed_object_is_noticed(shared: Objects, url: str, tmp_path: Path) -> None:
    if url.startswith("file:"):
        pytest.skip("a folder has no list of sha256: nothing to compare with")
    shared.put_bytes("report/curves.png", b"torn")
    with pytest.raises(CorruptOutput, match=r"curves.png is not the file that was written"):
        fetch_report(url, tmp_path / "out")
    assert not (tmp_path / "out").exists()
