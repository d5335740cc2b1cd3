"""From data files to the table of facts: every record once, every image file once."""

import hashlib
import json
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from shallowsight.errors import ConfigurationError
from shallowsight.validation.facts import Facts, facts_of, id_of
from shallowsight.validation.images import ImageLimits, check_images
from shallowsight.validation.labels import labels_of
from shallowsight.validation.records import Record, read_records

log = logging.getLogger(__name__)

Duplicates = Literal["row", "pair"]


@dataclass(frozen=True)
class Table:
    """The facts of all rows, file after file, and what was noticed but is no fault."""

    rows: tuple[Facts, ...]
    notes: dict[str, int]


class _Seen:
    """Counts how often a row, and how often an id, has come before in one file."""

    def __init__(self, duplicates: Duplicates) -> None:
        self.duplicates = duplicates
        self.rows: Counter[tuple[str, ...]] = Counter()
        self.first_image: dict[str, str] = {}
        self.notes: Counter[str] = Counter()

    def occurrence(self, record: Record) -> int:
        identity = id_of(record)
        if identity is None:
            return 1
        image = repr(record.get("image"))
        key: tuple[str, ...] = (identity, image)
        if self.duplicates == "row":
            conversation = json.dumps(record.get("conversations"), sort_keys=True).encode()
            key = (*key, hashlib.sha256(conversation).hexdigest())
        self.rows[key] += 1
        if self.rows[key] == 1 and identity in self.first_image:
            same = self.first_image[identity] == image
            self.notes["id_again_same_image" if same else "id_again_other_image"] += 1
        self.first_image.setdefault(identity, image)
        return self.rows[key]


def check_files(files: Sequence[Path], images: Path, *, duplicates: Duplicates, limits: ImageLimits) -> Table:
    """Read and flatten every record, then look at every image that one of them names.

    Duplicates are sought within a file: the files of two training stages may share rows.
    """
    rows: list[Facts] = []
    names: dict[str, str] = {}  # each path to its one copy in memory
    raw_names: list[str | None] = []
    notes: Counter[str] = Counter()
    for file, label in zip(files, labels_of(files), strict=True):
        seen = _Seen(duplicates)
        for number, record in read_records(file):
            facts = facts_of(record, file=label, number=number, occurrence=seen.occurrence(record))
            name = record["image"] if facts.image_type == "text" else None
            if name is not None:
                name = names.setdefault(name, name)
            rows.append(facts)
            raw_names.append(name)
        notes += seen.notes
    if names and not images.is_dir():
        raise ConfigurationError(
            f"images folder {images}: there is no such folder, but {len(names)} images are named in the data. "
            "To go on: check data.images and the mounted volume."
        )
    log.info("%d rows in %d files name %d images", len(rows), len(files), len(names))
    status = check_images(names, images, limits) if names else {}
    table = tuple(
        facts if name is None else replace(facts, image_status=status[name])
        for facts, name in zip(rows, raw_names, strict=True)
    )
    for note, count in notes.items():
        log.warning("%s: %d rows; their conversations differ, so they are kept", note, count)
    return Table(table, dict(notes))
