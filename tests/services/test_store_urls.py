"""Which URLs name a store, and what opening one makes and loads."""

import subprocess
import sys
from pathlib import Path

import pytest

from shallowsight.errors import ConfigurationError, MissingPackage
from shallowsight.store.objects.opening import open_objects


@pytest.mark.parametrize(
    ("url", "says"),
    [
        pytest.param("http://host/x", "file:///absolute/folder or s3://bucket/prefix", id="scheme"),
        pytest.param("runs/demo", "file:///absolute/folder or s3://bucket/prefix", id="path"),
        pytest.param("file://relative/path", "file:///absolute/folder", id="relative"),
        pytest.param("s3:///prefix", "s3://bucket or s3://bucket/prefix", id="no bucket"),
        pytest.param("s3://bucket/a?x=1", "no part after", id="query"),
    ],
)
def test_urls_that_are_refused(url: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        open_objects(url)


def test_a_file_is_no_store(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    with pytest.raises(ConfigurationError, match="is a file"):
        open_objects(path.as_uri())


def test_opening_a_folder_makes_nothing(tmp_path: Path) -> None:
    objects = open_objects((tmp_path / "a folder").as_uri())
    assert objects.keys() == []
    assert objects.get_bytes("x") is None
    assert list(tmp_path.iterdir()) == []


def test_objects_load_no_client() -> None:
    code = (
        "import sys, shallowsight.store.lease, shallowsight.store.objects.s3.objects\n"
        "print([m for m in ('minio', 'urllib3', 'tenacity', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_missing_client_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "minio", None)
    with pytest.raises(MissingPackage, match=r"shallowsight\[store\]"):
        open_objects("s3://bucket")
