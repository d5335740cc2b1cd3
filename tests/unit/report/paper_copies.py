"""Copies of the paper's numbers with something wrong in them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from shallowsight.report.claims.paper import DATA, FIGURE

Change = Callable[[dict[str, Any], list[list[float]]], object]  # changes the data file's content, and the similarities


def changed_copy(folder: Path, change: Change) -> Path:
    """A data file beside which its similarities are, both changed."""
    content = yaml.safe_load(DATA.read_text(encoding="utf-8"))
    figure = json.loads(DATA.with_name(FIGURE).read_text(encoding="utf-8"))
    change(content, figure["similarity"])
    (folder / FIGURE).write_text(json.dumps(figure), encoding="utf-8")
    path = folder / DATA.name
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return path


def series(content: dict[str, Any], name: str) -> dict[str, Any]:
    """The series of that name."""
    found: dict[str, Any] = next(each for each in content["series"] if each["name"] == name)
    return found


def claim(content: dict[str, Any], name: str) -> dict[str, Any]:
    """The claim of that name."""
    found: dict[str, Any] = next(each for each in content["claims"] if each["name"] == name)
    return found
