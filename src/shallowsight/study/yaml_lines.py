"""Read a YAML file together with the line numbers of its values, for error messages.

PyYAML's nodes have line numbers. ruamel.yaml has them too, but reads YAML 1.2, in which `yes` and `on` are texts.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from shallowsight.errors import ConfigurationError

# A value without quotes that begins with a character that has a special meaning in YAML.
_UNQUOTED = re.compile(r"([\w.-]+):\s+([*@%`])")


@dataclass(frozen=True)
class Document:
    """The content of a file, and the line numbers of its values."""

    name: str  # the file's name in messages
    value: Any
    _root: yaml.Node

    def line_of(self, place: Sequence[str | int]) -> int:
        """The line number, from 1, of a value, or of the nearest mapping or list around it if the value is missing."""
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
    """Read a file; `called` is its name in messages, if `path` is a copy.

    Raises:
        ConfigurationError: the file is missing, not YAML or empty, or has a key twice.
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
        raise ConfigurationError(f"{name} is empty; write its keys and values")
    _refuse_twice(name, root)
    return Document(name, value, root)


def _broken(name: str, text: str, error: yaml.YAMLError) -> str:
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return f"{name} is not YAML: {' '.join(str(error).split())}"
    mark, what = error.problem_mark, " ".join(text for text in (error.context, error.problem) if text)
    lines = text.splitlines()
    for unquoted in _UNQUOTED.finditer(lines[mark.line]) if mark.line < len(lines) else ():
        # For such a value YAML reports the first or the second character; a later position has another cause.
        if mark.column - unquoted.start(2) in (0, 1):
            return (
                f'{name}:{mark.line + 1}: a value that begins with {unquoted[2]!r} needs quotes: {unquoted[1]}: "..."'
            )
    return f"{name} is not YAML: line {mark.line + 1}: {what}"


def _below(node: yaml.Node, step: str | int) -> tuple[yaml.Node, int] | None:
    if isinstance(node, yaml.MappingNode):
        return next(((value, key.start_mark.line + 1) for key, value in node.value if key.value == step), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        below: yaml.Node = node.value[step]
        return below, below.start_mark.line + 1
    return None


def _refuse_twice(name: str, node: yaml.Node) -> None:
    """Raises ConfigurationError for a key that comes twice, of which YAML would silently take the last."""
    if isinstance(node, yaml.MappingNode):
        lines: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.value in lines:
                raise ConfigurationError(f"{name}: the key {key.value!r} is in lines {lines[key.value]} and {line}")
            lines[key.value] = line
            _refuse_twice(name, value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _refuse_twice(name, value)
