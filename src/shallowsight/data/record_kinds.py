"""Count the kinds of questions of test records before the gate has checked them; unreadable records do not count."""

from collections import Counter
from pathlib import Path
from typing import Any
from unicodedata import normalize

from shallowsight.data.gate.rows import read_rows
from shallowsight.data.own_files import copy_of_records
from shallowsight.data.questions import OWN_KIND
from shallowsight.study.data import Data, in_bucket

_SCENES = ("category", "colour", "count", "ocr", "position")  # each scene has one question of each kind
_EASY_VQA = "easy_vqa"


def kinds_of_test(data: Data) -> Counter[str]:
    """Kind -> number of questions over all of data.test; for easy-vqa the number of pictures.

    Raises:
        ConfigurationError: a file cannot be read.
    """
    return sum((_kinds(name, data) for name in data.test), Counter())


def _kinds(name: str, data: Data) -> Counter[str]:
    match name:
        case "scenes":
            return +Counter(dict.fromkeys(_SCENES, data.scenes_test))
        case "scenes-captions":
            return +Counter({OWN_KIND: data.scenes_train})
        case "easy-vqa":
            return +Counter({_EASY_VQA: data.easy_vqa_test})
    file = copy_of_records(name) if in_bucket(name) else Path(name)
    return Counter(kind for row in read_rows(file, data.refuse_conversions) for kind in _kinds_of(row.record))


def _kinds_of(record: dict[str, Any]) -> list[str]:
    turns, tasks = record.get("conversations"), record.get("tasks")
    pairs = len(turns) // 2 if isinstance(turns, list) else 0
    if not tasks:
        return [OWN_KIND] * pairs
    named = [normalize("NFC", task) for task in tasks if isinstance(task, str)] if isinstance(tasks, list) else []
    return named[:pairs]
