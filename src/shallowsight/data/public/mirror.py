"""A mirror of public benchmarks: a folder or a prefix of a bucket with one folder for each set.

`NAME/data/*.parquet` are its rows, and `NAME/benchmark.json`, which is written last, says what they are.
"""

import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

from pydantic import ValidationError

from shallowsight.errors import ConfigurationError
from shallowsight.store.copies import copy_of_folder
from shallowsight.store.digest import digest_of, file_sha256
from shallowsight.store.objects.opening import open_objects
from shallowsight.study.data import in_bucket
from shallowsight.study.fields import Part
from shallowsight.study.public_benchmarks import PublicBenchmark

RECORD = "benchmark.json"
DATA = "data"


class FileSum(Part):
    """Size in bytes and sha256 of a file."""

    size: int
    sha256: str


class SetRecord(Part):
    """What benchmark.json says of a set."""

    name: str
    repository: str
    config: str | None
    split: str
    revision: str  # commit of the repository
    rows: int
    columns: tuple[str, ...]
    files: Mapping[str, FileSum]  # name below the set's folder -> sum

    @property
    def digest(self) -> str:
        """Equal digests mean equal rows."""
        return digest_of([self.revision, self.split, self.config, sorted((n, s.sha256) for n, s in self.files.items())])


class NotRunnable(Exception):
    """A set cannot be asked; the message says why, and how to mend it."""


def read_set(place: str, benchmark: PublicBenchmark) -> SetRecord:
    """The record of a set in a mirror, a folder or a URL; sizes of files are compared, their content is not read.

    Raises:
        NotRunnable: the set is missing, cut, of another revision, or has other columns.
        ConfigurationError: there is no such mirror.
        StoreUnavailable: the bucket does not answer.
    """
    sizes = _sizes(place, benchmark)
    text = sizes.read(RECORD)
    mend = f"`shallowsight benchmarks fetch {benchmark.name} --to {place}` brings it"
    if text is None:
        raise NotRunnable(f"the mirror {place} has no set {benchmark.folder} that is whole; {mend}")
    try:
        record = SetRecord.model_validate(json.loads(text))
    except (ValueError, ValidationError):
        raise NotRunnable(f"{place}/{benchmark.folder}/{RECORD} is damaged; {mend} again") from None
    for name, known in sorted(record.files.items()):
        if sizes.size(name) != known.size:
            found = (
                "is missing" if sizes.size(name) is None else f"has {sizes.size(name)} bytes instead of {known.size}"
            )
            raise NotRunnable(f"the set is cut: {place}/{benchmark.folder}/{name} {found}; {mend} again")
    wanted = benchmark.source.revision if benchmark.source else None
    if wanted and record.revision != wanted:
        raise NotRunnable(f"the set is of revision {record.revision}, asked is {wanted}; {mend} again")
    if missing := [column for column in benchmark.columns if column not in record.columns]:
        raise NotRunnable(
            f"its rows have no column {', '.join(missing)}; they have {', '.join(record.columns)}; {mend} again"
        )
    return record


def local_set(place: str, benchmark: PublicBenchmark, record: SetRecord) -> Path:
    """The set's folder on this machine, with every file compared with its sha256; of a bucket, a copy.

    A process reads a file for that once, unless its size or time of change is another: it has gigabytes, and each seed
    asks for it.

    Raises:
        NotRunnable: a file is not the one that was written.
    """
    folder = Path(place).absolute() / benchmark.folder
    if in_bucket(place):
        folder = copy_of_folder(f"{place.rstrip('/')}/{benchmark.folder}", lambda key: key in record.files)
    for name, known in sorted(record.files.items()):
        if _sum_of(folder / name) != known.sha256:
            raise NotRunnable(
                f"{place}/{benchmark.folder}/{name} is not the file that was fetched; `shallowsight benchmarks fetch "
                f"{benchmark.name} --to {place}` brings it again"
            )
    return folder


def _sum_of(path: Path) -> str:
    found = path.stat()
    return _sum_at(path, found.st_ino, found.st_size, found.st_mtime_ns)


@cache
def _sum_at(path: Path, inode: int, size: int, changed: int) -> str:
    return file_sha256(path)


class _Sizes:
    """The sizes of a set's files, and the content of its record."""

    def __init__(self, sizes: Mapping[str, int], read: Callable[[str], bytes | None]) -> None:
        self._sizes, self.read = sizes, read

    def size(self, name: str) -> int | None:
        return self._sizes.get(name)


def _sizes(place: str, benchmark: PublicBenchmark) -> _Sizes:
    if in_bucket(place):
        objects = open_objects(place)
        prefix = f"{benchmark.folder}/"
        listed = {key.removeprefix(prefix): stamp.size for key, stamp in objects.stamps(prefix)}
        return _Sizes(listed, lambda name: objects.get_bytes(prefix + name))
    if not Path(place).is_dir():
        raise ConfigurationError(
            f"data.benchmarks: there is no folder {place}; "
            f"`shallowsight benchmarks fetch {benchmark.name} --to {place}` makes it"
        )
    folder = Path(place) / benchmark.folder
    files = [path for path in folder.rglob("*") if path.is_file()]
    sizes = {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}
    return _Sizes(sizes, lambda name: (folder / name).read_bytes() if name in sizes else None)
