"""A YAML file with the lines that its values stand on, so that a refusal can name them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from shallowsight.errors import ConfigurationError

# A value, in a line of its own or between others, that begins with what means something else to YAML.
_UNQUOTED = re.compile(r"([\w.-]+):\s+([*@%`])")


@dataclass(frozen=True)
class Document:
    """What a file says, and where."""

    path: Path
    value: Any
    _root: yaml.Node

    def line_of(self, place: Sequence[str | int]) -> int:
        """From 1; of the nearest thing around it when the place itself is not written."""
        node, line = self._root, self._root.start_mark.line + 1
        for step in place:
            found = _below(node, step)
            if found is None:
                break
            node, line = found
        return line

    def where(self, place: Sequence[str | int]) -> str:
        """`schedules.yaml:12`."""
        return f"{self.path}:{self.line_of(place)}"


def read_document(path: Path) -> Document:
    """Raises ConfigurationError when it is missing, no YAML, empty, or names a key twice."""
    try:
        text = path.read_text(encoding="utf-8")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        value = yaml.safe_load(text)
    except (FileNotFoundError, IsADirectoryError):
        raise ConfigurationError(f"no file {str(path)!r}") from None
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path} is not YAML: {error}") from None
    except yaml.YAMLError as error:
        raise ConfigurationError(_broken(path, text, error)) from None
    if root is None:
        raise ConfigurationError(f"{path} is empty")
    _refuse_twice(path, root)
    return Document(path, value, root)


def _broken(path: Path, text: str, error: yaml.YAMLError) -> str:
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return f"{path} is not YAML: {' '.join(str(error).split())}"
    mark, what = error.problem_mark, " ".join(text for text in (error.context, error.problem) if text)
    lines = text.splitlines()
    for unquoted in _UNQUOTED.finditer(lines[mark.line]) if mark.line < len(lines) else ():
        # YAML stumbles at the first letter or the second; where it stumbles later, the value is not at fault.
        if mark.column - unquoted.start(2) in (0, 1):
            return f'{path}:{mark.line + 1}: what begins with {unquoted[2]!r} needs quotes: {unquoted[1]}: "..."'
    return f"{path} is not YAML: line {mark.line + 1}: {what}"


def _below(node: yaml.Node, step: str | int) -> tuple[yaml.Node, int] | None:
    if isinstance(node, yaml.MappingNode):
        return next(((value, key.start_mark.line + 1) for key, value in node.value if key.value == step), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        below: yaml.Node = node.value[step]
        return below, below.start_mark.line + 1
    return None


def _refuse_twice(path: Path, node: yaml.Node) -> None:
    """YAML would silently take the last of two."""
    if isinstance(node, yaml.MappingNode):
        lines: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.value in lines:
                raise ConfigurationError(f"{path}: the key {key.value!r} stands in lines {lines[key.value]} and {line}")
            lines[key.value] = line
            _refuse_twice(path, value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _refuse_twice(path, value)
