"""Copy the report of a study from its store to this machine, completely or not at all."""

import json
import shutil
from pathlib import Path

from shallowsight.errors import ConfigurationError, CorruptOutput
from shallowsight.store.digest import file_sha256
from shallowsight.store.disk import require_writable
from shallowsight.store.foreign_files import refuse_foreign
from shallowsight.store.objects.keys import check_key
from shallowsight.store.objects.objects import Objects
from shallowsight.store.objects.opening import open_objects
from shallowsight.store.store import STUDY
from shallowsight.store.whole_folder import whole_folder

PAGE = "report.html"
_PREFIX = "report/"
_SUMS = f"{_PREFIX}files.json"  # name -> sha256, written last; a store in a folder has none


def fetch_report(url: str, out: Path) -> Path:
    """Copy the report into the folder `out`, in place of an earlier one; returns the path of its page.

    Raises:
        ConfigurationError: there is no such store, it has no study or no report, or `out` holds other files.
        CorruptOutput: a file is missing or is not the one that was written.
        StoreUnavailable: the store does not answer.
    """
    out = out.absolute()
    require_writable(out)  # before a store is asked, which may take long to fail
    objects = open_objects(url)
    sums = _sums(objects)
    refuse_foreign(out, "report", sums.__contains__)
    with whole_folder(out) as new:
        for name, sha256 in sums.items():
            _bring(objects, name, sha256, new / name)
    return out / PAGE


def _sums(objects: Objects) -> dict[str, str | None]:
    listed = objects.get_bytes(_SUMS)
    if listed is not None:
        found = _listed(objects, listed)
    else:
        found = {key.removeprefix(_PREFIX): None for key in objects.keys(_PREFIX)}
    if PAGE not in found:
        raise ConfigurationError(_why_none(objects))
    return found


def _why_none(objects: Objects) -> str:
    asked = f"asked for the report of the study in {objects.url}"
    if objects.get_bytes(STUDY) is None:
        return (
            f"{asked}, but there is no study (no {STUDY}): check the URL, which `shallowsight submit` prints; or its "
            "run has not begun, which `shallowsight status RUN_ID` shows"
        )
    return f"{asked}: the study exists, but has no report yet; `shallowsight status RUN_ID` shows the state of its run"


def _listed(objects: Objects, text: bytes) -> dict[str, str | None]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise CorruptOutput(f"{objects.url}/{_SUMS} is damaged; `shallowsight report` writes it again")
    return {check_key(str(name)): str(sha256) for name, sha256 in found.items()}


def _bring(objects: Objects, name: str, sha256: str | None, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    found = objects.fetch(f"{_PREFIX}{name}", to)
    if found != to:
        shutil.copyfile(found, to)
    if sha256 is not None and file_sha256(to) != sha256:
        raise CorruptOutput(f"{objects.url}/{_PREFIX}{name} is not the file that was written; fetch it again")
