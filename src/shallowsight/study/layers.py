"""The layers of a vision transformer, and their numbering.

A layer is a block, numbered from 1. It is also the index into Hugging Face `hidden_states`:
`hidden_states[k]` is the output of block k and `hidden_states[0]`, the embeddings, is no layer.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from shallowsight.study.counts import counted

_SHORTEST_RANGE = 3  # 3,4 but 3-5
_MOST = 10_000  # numbers of a range, so that a slip of a key does not fill the memory
_PART = re.compile(r"(-?\d+)(?:-(\d+))?(?:>(\d+)(?:-(\d+))?)?")
_ALLOWED = (
    "layers are written 18 or 3,18,23 or 13-20, counted from 1, increasing, or one layer several times, 9,9,9; "
    "`|` separates groups, as in 1-12|13-24|23"
)


@dataclass(frozen=True)
class LayerSet:
    """An increasing tuple of layers, for instance `3,18,23`, or one layer several times.

    The latter, fused by concat, has the parameters of a fusion without its other layers: a fusion's control.
    """

    indices: tuple[int, ...]

    def __post_init__(self) -> None:
        increasing = list(self.indices) == sorted(set(self.indices))
        if not self.indices or min(self.indices) < 1 or not (increasing or len(set(self.indices)) == 1):
            raise ValueError(f"got layers {','.join(map(str, self.indices)) or 'none'}; {_ALLOWED}")

    @property
    def deepest(self) -> int:
        return self.indices[-1]

    def __iter__(self) -> Iterator[int]:
        return iter(self.indices)

    def __len__(self) -> int:
        return len(self.indices)


@dataclass(frozen=True)
class Layers:
    """The layers of a setting in one or several groups, as a fusion takes them; `str()` gives the form of `parse`.

    `entries`, for fusions inside the language model, are its hidden states that the layers of the first group enter,
    one for each layer: in `3>1,6>2|11` layer 3 enters state 1, which is the output of the language model's first layer.
    """

    groups: tuple[LayerSet, ...]
    entries: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not self.groups:
            raise ValueError(f"got no layers; {_ALLOWED}")
        if self.entries and len(self.entries) != len(self.groups[0]):
            raise ValueError(f"{self}: write for each layer of the first group where it enters, as in 3>1,6>2|11")

    @classmethod
    def of(cls, *indices: int) -> "Layers":
        """One group with these layers."""
        return cls((LayerSet(indices),))

    @classmethod
    def parse(cls, text: str, depth: int | None = None) -> "Layers":
        """Read `18`, `3,18,23`, `13-20`, `1-12|23` or `3>1,6>2|11`.

        With a depth negative numbers are allowed, where -1 is the last layer.

        Raises:
            ValueError: the text does not have this form, or a layer is outside 1..depth.
        """
        first, *others = [_pairs(part, depth) for part in str(text).split("|")]
        if any(entry is not None for group in others for _, entry in group):
            raise ValueError(f"cannot read {text!r} as layers: only layers of the first group enter states; {_ALLOWED}")
        entries = [entry for _, entry in first if entry is not None]
        if entries and len(entries) < len(first):
            raise ValueError(
                f"cannot read {text!r} as layers: write for each layer of the first group where it enters, as in "
                "3>1,6>2|11"
            )
        layers = cls(tuple(LayerSet(tuple(k for k, _ in group)) for group in (first, *others)), tuple(entries))
        if depth is not None:
            layers.require_depth(depth)
        return layers

    def require_depth(self, depth: int) -> None:
        """Raises ValueError when a layer lies beyond the tower's last one."""
        if self.deepest > depth:
            raise ValueError(f"asked for layer {self.deepest}, the tower has layers 1 to {depth}")

    @property
    def read(self) -> tuple[int, ...]:
        """Every layer once, shallow first: those whose features a model needs."""
        return tuple(sorted({layer for group in self.groups for layer in group}))

    @property
    def indices(self) -> tuple[int, ...]:
        """The layers in the order written; a layer that is written several times is there several times."""
        return tuple(layer for group in self.groups for layer in group)

    @property
    def deepest(self) -> int:
        return max(self.indices)

    def __str__(self) -> str:
        first, *others = self.groups
        return "|".join((_written(first.indices, self.entries), *(_written(group.indices) for group in others)))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            _validate, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )


def _pairs(text: str, depth: int | None) -> list[tuple[int, int | None]]:
    """The layers of a group, each with the state that it enters."""
    found: list[tuple[int, int | None]] = []
    for part in text.split(","):
        read = _PART.fullmatch(part.strip())
        if read is None or (read[2] and read[1].startswith("-")):
            raise ValueError(f"cannot read {part.strip()!r} as layers; {_ALLOWED}")
        layers = _span(_count_from_one(int(read[1]), depth), read[2])
        if not layers:
            raise ValueError(f"cannot read {part.strip()!r} as layers: it has no layers; {_ALLOWED}")
        states = None if read[3] is None else _span(int(read[3]), read[4])
        if states is not None and len(states) != len(layers):
            raise ValueError(
                f"cannot read {part.strip()!r} as layers: it has {counted(len(layers), 'layer')} and "
                f"{counted(len(states), 'state')}"
            )
        found += zip(layers, states or [None] * len(layers), strict=True)
    return found


def _span(first: int, last: str | None) -> range:
    end = first if last is None else int(last)
    if end - first >= _MOST:
        raise ValueError(f"cannot read {first}-{end} as layers: a range has at most {_MOST:,} numbers")
    return range(first, 1 + end)


def _written(layers: Sequence[int], entries: Sequence[int] = ()) -> str:
    """Runs of three and more layers as a range."""
    parts, start = [], 0
    while start < len(layers):
        end = start
        while end + 1 < len(layers) and _goes_on(layers, end) and (not entries or _goes_on(entries, end)):
            end += 1
        if end - start < _SHORTEST_RANGE - 1:
            end = start
        entry = f">{_range(entries[start], entries[end])}" if entries else ""
        parts.append(_range(layers[start], layers[end]) + entry)
        start = end + 1
    return ",".join(parts)


def _goes_on(numbers: Sequence[int], place: int) -> bool:
    return numbers[place + 1] == numbers[place] + 1


def _range(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"


def _count_from_one(number: int, depth: int | None) -> int:
    if number >= 0:
        return number
    if depth is None:
        raise ValueError(f"layer {number} counts from the end, which needs the tower's depth; {_ALLOWED}")
    if -number > depth:
        raise ValueError(f"asked for layer {number}, the tower has layers 1 to {depth}")
    return depth + 1 + number


def _validate(value: Any) -> Layers:
    if isinstance(value, Layers):
        return value
    if isinstance(value, list | tuple):
        # kfp turns the integers of a list into floats when it passes them to a step.
        if any(isinstance(v, bool) or not isinstance(v, int | float) or v % 1 != 0 for v in value):
            raise ValueError(f"cannot read {value!r} as layers; {_ALLOWED}")
        return Layers.of(*(int(v) for v in value))
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError(f"cannot read {value!r} as layers; {_ALLOWED}")
    return Layers.parse(str(value))


@dataclass(frozen=True)
class Group:
    """A contiguous range of layers that behave alike, and the layer that represents the group."""

    name: str
    layers: tuple[int, ...]
    representative: int


def evenly_spread(depth: int) -> tuple[int, ...]:
    """The last layers of the tower's thirds: what `groups` stands for in a tower without groups."""
    return tuple(sorted({-(-depth * third // 3) for third in (1, 2, 3)}))


# From the paper's figure 1a, for CLIP-ViT-L/14-336; the representatives are the layers that the paper fuses.
PAPER_GROUPS = (
    Group("shallow", tuple(range(1, 13)), 3),
    Group("middle", tuple(range(13, 21)), 18),
    Group("deep", tuple(range(21, 25)), 23),
)
