"""Pairs of made-up studies, as they are compared."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from study_builder import Builder

from shallowsight.report.compare.comparing import compare
from shallowsight.report.compare.sides import read_side
from shallowsight.report.compare.values import Compared, Difference

FLAT = {"count": {2: 0.6, 7: 0.6, 11: 0.6}, "colour": {2: 0.8, 7: 0.8, 11: 0.8}}
Change = Callable[[dict[str, Any]], None]


def study(folder: Path, number: int = 0, change: Change = lambda document: None, **more: Any) -> Path:
    """A study of five seeds with quiet trainings; another number gives other trainings of the same settings."""
    planted: dict[str, Any] = {
        "curves": FLAT,
        "seeds": (0, 1, 2, 3, 4),
        "seed_sd": 0.005,
        "fusion_gain": None,
        "salt": str(number),
        "rng": np.random.default_rng([7, number]),
    }
    Builder(**(planted | more)).write(folder)
    document = json.loads((folder / "study.json").read_text())
    document["tower"] = {"name": "dinov2-small", "digest": "sha256:aa", "depth": 12}
    document["sources"] = {"scenes": {"digest": "d1", "train_rows": 3000, "test_rows": 300}}
    change(document)
    (folder / "study.json").write_text(json.dumps(document))
    return folder


def compared(before: Path, after: Path) -> Compared:
    return compare(read_side(before, str(before)), read_side(after, str(after)))


def of(found: Compared, setting: str, category: str) -> Difference:
    (one,) = [d for d in found.differences if d.pair.before.setting == setting and d.category == category]
    return one
