"""Which store a URL or a path names, and which folders are refused."""

from pathlib import Path

import pytest

from shallowsight.errors import ConfigurationError
from shallowsight.store.opening import open_store
from shallowsight.store.store import Store


@pytest.mark.parametrize(
    ("url", "folder"),
    [
        pytest.param("file:///a/b", "/a/b", id="plain"),
        pytest.param("file:///a%20b/%C3%BC%23", "/a b/\u00fc#", id="quoted"),
    ],
)
def test_open_store(url: str, folder: str) -> None:
    assert open_store(url).root == Path(folder)


@pytest.mark.parametrize("url", ["", "runs/x", "/a/b", "file:a", "file://host/a", "file://", "http://a/b"])
def test_open_store_refuses(url: str) -> None:
    with pytest.raises(ConfigurationError, match="write file:///absolute/folder") as found:
        open_store(url)
    assert repr(url) in str(found.value)


def test_open_store_round_trips_what_a_run_passes(tmp_path: Path) -> None:
    from shallowsight.cli.local_run import pipeline_arguments

    strange = Store(tmp_path / "a b#c?d%e;f ü")
    assert open_store(pipeline_arguments("study", "demo", [], strange, 0)["store"]).root == strange.root


def test_a_foreign_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "photo.png").touch()
    with pytest.raises(ConfigurationError, match="holds other files"):
        Store(tmp_path / "mine").require_own()


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a disk that is mounted read-only; whoever runs the tests may write everywhere else."""
    monkeypatch.setattr("os.access", lambda path, mode: path != tmp_path)
    with pytest.raises(ConfigurationError, match=rf"--out {tmp_path}/a/b: {tmp_path} cannot be written; name a folder"):
        Store(tmp_path / "a" / "b").require_own()


def test_a_folder_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=r"file is a file; name a folder elsewhere"):
        Store(tmp_path / "file" / "a" / "b").require_own()
