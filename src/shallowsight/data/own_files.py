"""The user's own LLaVA files and their pictures, in a folder or in a bucket."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from shallowsight.data.bucket import bring_pictures, picture_marks, require_some
from shallowsight.data.gate.images import ImageError, place
from shallowsight.data.gate.own_rules import OwnRules, read_own_rules
from shallowsight.data.gate.rows import read_rows
from shallowsight.data.gate.suite import try_own_rules
from shallowsight.errors import ConfigurationError
from shallowsight.store.copies import copy_of_file
from shallowsight.store.digest import file_sha256
from shallowsight.study.data import BUILT_IN_SOURCES, Data, in_bucket

OnProgress = Callable[[str, int, int], None]  # what, done, of how many


def require_files(data: Data) -> None:
    """Raises ConfigurationError for a missing file or folder, also in a bucket, and for wrong rules."""
    for name in data.files:
        if in_bucket(name):
            copy_of_records(name)
        elif not Path(name).is_file():
            found = "it is a folder" if Path(name).is_dir() else "there is no such file"
            raise ConfigurationError(
                f"no data source {name!r}: {found}; allowed are {', '.join(BUILT_IN_SOURCES)}, and the path or s3:// "
                "URL of a LLaVA .json or .jsonl file"
            )
    for key, folder in (("images", data.images), ("pretrain_images", data.pretrain_images)):
        if folder is not None:
            _require_folder(f"data.{key}", folder)
    if data.expectations is not None and not data.files:
        raise ConfigurationError("data.expectations is for your own files, but data names none; leave it out")
    try_own_rules(own_rules(data).rules)


def _require_folder(key: str, folder: str) -> None:
    if not in_bucket(folder):
        if not Path(folder).is_dir():
            raise ConfigurationError(f"{key}: no folder {folder!r}; name the folder that the image paths start from")
        return
    try:
        require_some(folder)
    except ConfigurationError as error:
        raise ConfigurationError(f"{key}: {error}") from None


def copy_of_records(url: str) -> Path:
    """A local copy of a file of records in a bucket.

    Raises:
        ConfigurationError: there is no such file, or the store refuses.
        StoreUnavailable: the store does not answer.
    """
    try:
        return copy_of_file(url)
    except ConfigurationError as error:
        raise ConfigurationError(f"data source {url!r}: {error}") from None


def own_rules(data: Data) -> OwnRules:
    """The user's rules for the user's own files.

    Raises:
        ConfigurationError: there is no such file of rules, or its content is not rules.
        StoreUnavailable: its bucket does not answer.
    """
    if data.expectations is None:
        return OwnRules()
    file = _copy_of_rules(data.expectations)
    try:
        return read_own_rules(file, called=data.expectations)
    except ConfigurationError as error:
        raise ConfigurationError(f"data.expectations: {error}") from None


def _copy_of_rules(name: str) -> Path:
    try:
        return copy_of_file(name) if in_bucket(name) else Path(name)
    except ConfigurationError as error:
        raise ConfigurationError(f"data.expectations: {error}") from None


def facts_of_file(name: str, data: Data) -> tuple[str, int, int]:
    """The digest and the numbers of rows and pictures of a file. Equal digests mean equal records and pictures.

    The digest covers the file, the user's rules, and a mark of every picture that the file names and that exists: the
    sha256 in a folder, size and ETag in a bucket. So the same data has different digests in a folder and in a bucket.
    Missing pictures are refused later, by the gate.
    """
    folder = data.folder_of(name)
    if not in_bucket(name):
        return _facts(name, Path(name), data, lambda names: _contents(names, Path(folder).resolve()))
    file = copy_of_records(name)
    try:
        return _facts(name, file, data, lambda names: picture_marks(folder, names))
    except ConfigurationError as error:
        raise ConfigurationError(f"data source {name!r}: {error}") from None


def _facts(
    name: str, file: Path, data: Data, marks_of: Callable[[Iterable[str]], Mapping[str, object]]
) -> tuple[str, int, int]:
    with file.open("rb") as content:
        whole = hashlib.file_digest(content, "sha256")
    if data.expectations is not None:
        whole.update(file_sha256(_copy_of_rules(data.expectations)).encode())
    rows, names, nameless = _rows_and_pictures(name, file)
    if nameless or data.expectations is not None:
        whole.update(Path(name).name.encode())  # the file's name is in the ids that the gate makes, and in a column
    marks = marks_of(names)
    for picture in sorted(names):
        whole.update(json.dumps([picture, marks.get(picture, "not there")]).encode())
    return whole.hexdigest(), rows, len(names)


def _rows_and_pictures(name: str, file: Path) -> tuple[int, set[str], bool]:
    """The number of rows, the pictures that they name, and whether a row has no id."""
    rows, pictures, nameless = 0, set(), False
    try:
        for row in read_rows(file):
            rows += 1
            nameless = nameless or "made_id" in row.conversions
            if isinstance(row.record.get("image"), str):
                pictures.add(row.record["image"])
    except ConfigurationError as error:
        # The user knows the bucket's URL, not the path of its copy on this machine.
        raise ConfigurationError(str(error).replace(str(file), name)) from None
    return rows, pictures, nameless


def _contents(names: Iterable[str], images: Path) -> dict[str, str]:
    found = {}
    for name in names:
        try:
            found[name] = file_sha256(place(name, images))
        except (ImageError, OSError):
            continue
    return found


def bring_files(data: Data, work: Path, on_progress: OnProgress) -> dict[str, tuple[Path, Path]]:
    """Each of the user's files with the folder of its pictures; pictures of a bucket are copied below `work`.

    Raises:
        ShallowsightError: this machine's disk has no space, or the data changed meanwhile.
        StoreUnavailable: the store does not answer.
    """
    found: dict[str, tuple[Path, Path]] = {}
    pictures: dict[tuple[str, Path], set[str]] = {}
    for name in data.files:
        folder = data.folder_of(name)
        if not in_bucket(name):
            found[name] = (Path(name), Path(folder))
            continue
        to = work / "bucket" / ("images" if folder == data.images else "pretrain_images")
        found[name] = (copy_of_records(name), to)
        pictures.setdefault((folder, to), set()).update(_rows_and_pictures(name, found[name][0])[1])
    for (url, to), names in pictures.items():
        bring_pictures(url, names, to, lambda done, total: on_progress("bringing pictures", done, total))
    return found
