"""A YAML file with the lines that its values stand on, so that a refusal can name them.

PyYAML's nodes know their lines. ruamel.yaml knows them too, but reads YAML 1.2, where `yes` and `on` are texts.
"""

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

    name: str  # what people call it
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
        return f"{self.name}:{self.line_of(place)}"


def read_document(path: Path, called: str | None = None) -> Document:
    """`called` is the name of what `path` is a copy of.

    Raises:
        ConfigurationError: it is missing, no YAML, empty, or names a key twice.
    """
    name = called or str(path)
    try:
        text = path.read_text(encoding="utf-8")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        value = yaml.safe_load(text)
    except (FileNotFoundError, IsADirectoryError):
        raise ConfigurationError(f"no file {name!r}") from None
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{name} is not YAML: {error}") from None
    except yaml.YAMLError as error:
        raise ConfigurationError(_broken(name, text, error)) from None
    if root is None:
        raise ConfigurationError(f"{name} is empty")
    _refuse_twice(name, root)
    return Document(name, value, root)


def _broken(name: str, text: str, error: yaml.YAMLError) -> str:
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return f"{name} is not YAML: {' '.join(str(error).split())}"
    mark, what = error.problem_mark, " ".join(text for text in (error.context, error.problem) if text)
    lines = text.splitlines()
    for unquoted in _UNQUOTED.finditer(lines[mark.line]) if mark.line < len(lines) else ():
        # YAML stumbles at the first letter or the second; where it stumbles later, the value is not at fault.
        if mark.column - unquoted.start(2) in (0, 1):
            return f'{name}:{mark.line + 1}: what begins with {unquoted[2]!r} needs quotes: {unquoted[1]}: "..."'
    return f"{name} is not YAML: line {mark.line + 1}: {what}"


def _below(node: yaml.Node, step: str | int) -> tuple[yaml.Node, int] | None:
    if isinstance(node, yaml.MappingNode):
        return next(((value, key.start_mark.line + 1) for key, value in node.value if key.value == step), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        below: yaml.Node = node.value[step]
        return below, below.start_mark.line + 1
    return None


def _refuse_twice(name: str, node: yaml.Node) -> None:
    """YAML would silently take the last of two."""
    if isinstance(node, yaml.MappingNode):
        lines: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.value in lines:
                raise ConfigurationError(f"{name}: the key {key.value!r} stands in lines {lines[key.value]} and {line}")
            lines[key.value] = line
            _refuse_twice(name, value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _refuse_twice(name, value)
