"""Files inside installed packages: found without importing, refused unless they are the known ones."""

import hashlib
from pathlib import Path

import pytest

from shallowsight.errors import ConfigurationError, MissingPackage
from shallowsight.store.wheels import Wheel, locate, locate_checked

KNOWN = hashlib.sha256(b"known").hexdigest()
FAKE = Wheel(distribution="fake-weights", package="fake_weights", version="1.0", extra=None)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """fake-weights 1.0, whose import would fail."""
    package = tmp_path / "fake_weights"
    (package / "models").mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    (package / "models" / "w.bin").write_bytes(b"known")
    _set_version(tmp_path, "1.0")
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def _set_version(site: Path, version: str) -> None:
    info = site / "fake_weights-1.0.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: fake-weights\nVersion: {version}\n")


def test_locates_without_importing(installed: Path) -> None:
    assert locate(FAKE, "models") == installed / "fake_weights" / "models"
    assert locate_checked(FAKE, "models/w.bin", KNOWN).read_bytes() == b"known"


def test_refuses_changed_file(installed: Path) -> None:
    (installed / "fake_weights" / "models" / "w.bin").write_bytes(b"other")
    found = hashlib.sha256(b"other").hexdigest()
    with pytest.raises(ConfigurationError, match=f"found sha256 {found}, expected {KNOWN}.*right version.*damaged"):
        locate_checked(FAKE, "models/w.bin", KNOWN)


def test_says_that_the_version_is_wrong(installed: Path) -> None:
    _set_version(installed, "2.0")
    wrong = "wrong version: installed is fake-weights 2.0, known is 1.0.*pip install --no-deps fake-weights==1.0"
    with pytest.raises(ConfigurationError, match=wrong):
        locate_checked(FAKE, "models/w.bin", "0" * 64)
    with pytest.raises(ConfigurationError, match=f"no file 'gone.bin'; {wrong}"):
        locate(FAKE, "gone.bin")


def test_any_version_will_do_if_none_is_named(installed: Path) -> None:
    wheel = Wheel(distribution="fake-weights", package="fake_weights")
    assert locate_checked(wheel, "models/w.bin", KNOWN)
    with pytest.raises(ConfigurationError, match=r"installed is fake-weights 1\.0, whose files differ"):
        locate_checked(wheel, "models/w.bin", "0" * 64)


@pytest.mark.parametrize(
    ("extra", "remedy"),
    [
        pytest.param("demo", r"pip install 'shallowsight\[demo\]'", id="from an extra"),
        pytest.param(None, "pip install --no-deps absent==3", id="by itself"),
    ],
)
def test_missing_package_names_the_remedy(extra: str | None, remedy: str) -> None:
    wheel = Wheel(distribution="absent", package="absent_package", version="3", extra=extra)
    with pytest.raises(MissingPackage, match=remedy):
        locate(wheel, "x")
