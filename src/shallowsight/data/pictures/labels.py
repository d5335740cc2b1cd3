"""A table of labels of pictures, as CSV: the column `image`, and one column for each label that pictures have."""

import csv
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from shallowsight.errors import ConfigurationError

IMAGE = "image"
_TEST = 5  # one picture in so many answers the test questions


@dataclass(frozen=True)
class Labels:
    """The labelled pictures, and each column's labels of them; an empty field is no label."""

    columns: Mapping[str, Mapping[str, str]]  # column -> picture -> label
    others: int = 0  # rows whose pictures are not there

    @property
    def pictures(self) -> list[str]:
        """Those with a label in any column, by name."""
        return sorted({picture for labels in self.columns.values() for picture in labels})


def read_labels(path: Path, pictures: Sequence[str]) -> Labels:
    """Read the table; `pictures` are the names that the column `image` may hold.

    Raises:
        ConfigurationError: there is no such file, it is no table of this form, it has a picture twice, or none of its
            pictures is there.
    """
    rows = _rows(path)
    header = [name.strip() for name in rows[0]] if rows else []
    _require_columns(path, header)
    at = header.index(IMAGE)
    seen: dict[str, int] = {}
    columns: dict[str, dict[str, str]] = {name: {} for name in header if name != IMAGE}
    for line, row in enumerate(rows[1:], start=2):
        if not any(field.strip() for field in row):
            continue
        if len(row) != len(header):
            raise ConfigurationError(
                f"--labels {path}: row {line} has {len(row)} fields and the header {len(header)}; write each row with "
                "a field for each column, and a field that has a comma in it in double quotes"
            )
        picture = str(PurePosixPath(row[at].strip()))
        if picture in seen:
            raise ConfigurationError(
                f"--labels {path}: {picture!r} stands in rows {seen[picture]} and {line}; give each picture one row"
            )
        seen[picture] = line
        for name, field in zip(header, row, strict=True):
            if name != IMAGE and field.strip():
                columns[name][picture] = field.strip()
    known = _known(path, seen, pictures)
    kept = {name: {p: label for p, label in labels.items() if p in known} for name, labels in columns.items()}
    return Labels(kept, len(seen) - len(known))


def parted(pictures: Sequence[str]) -> tuple[list[str], list[str]]:
    """The pictures to learn from and those to be asked about, by a hash of the name.

    Every fifth picture in the order of the hashes is asked about, so that the order of the table has no say.
    """
    drawn = sorted(pictures, key=lambda name: hashlib.sha256(name.encode()).digest())
    test = set(drawn[::_TEST])
    return [name for name in pictures if name not in test], [name for name in pictures if name in test]


def _rows(path: Path) -> list[list[str]]:
    if not path.is_file():
        found = "it is a folder; name a CSV file" if path.is_dir() else "there is no such file"
        raise ConfigurationError(f"--labels {path}: {found}")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.reader(file, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigurationError(f"--labels {path} cannot be read as CSV in UTF-8: {error}") from None


def _require_columns(path: Path, header: Sequence[str]) -> None:
    asked = f"--labels {path}: the first row must name the columns: {IMAGE!r}, and one or more for labels, with commas"
    if IMAGE not in header or len(header) < 2:
        raise ConfigurationError(f"{asked}; found {', '.join(map(repr, header[:5])) or 'an empty file'}")
    if twice := sorted({name or "(no name)" for name in header if not name or header.count(name) > 1}):
        raise ConfigurationError(f"{asked}, each with a name of its own; found {', '.join(map(repr, twice))}")


def _known(path: Path, seen: Mapping[str, int], pictures: Sequence[str]) -> set[str]:
    """The pictures of the table that are there: a table may be of more pictures than a folder has."""
    known = set(seen) & set(pictures)
    if not known:
        first = next(iter(seen.items()), None)
        found = f"the first is {first[0]!r} in row {first[1]}" if first else "it has no rows"
        raise ConfigurationError(
            f"--labels {path}: none of its pictures is among the {len(pictures)} of the folder; {found}; write names "
            f"as seen from the folder, for instance {min(pictures)!r}"
        )
    return known
