"""The layers of a vision transformer, and their numbering.

A layer is a block, numbered from 1. It is also the index into Hugging Face `hidden_states`:
`hidden_states[k]` is the output of block k and `hidden_states[0]`, the embeddings, is no layer.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

_ONE = re.compile(r"-?\d+")
_RANGE = re.compile(r"(\d+)-(\d+)")
_ALLOWED = "layers are written 18 or 3,18,23 or 13-20, counted from 1, increasing, or one layer several times, 9,9,9"


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

    @classmethod
    def parse(cls, text: str, depth: int | None = None) -> "LayerSet":
        """Read `18`, `3,18,23` or `13-20`; with a depth also negative numbers, where -1 is the last layer.

        Raises:
            ValueError: the text does not have this form, or a layer is outside 1..depth.
        """
        numbers: list[int] = []
        for part in str(text).split(","):
            part = part.strip()
            if span := _RANGE.fullmatch(part):
                numbers += range(int(span[1]), int(span[2]) + 1)
            elif _ONE.fullmatch(part):
                numbers.append(_count_from_one(int(part), depth))
            else:
                raise ValueError(f"cannot read {part!r} as layers; {_ALLOWED}")
        layers = cls(tuple(numbers))
        if depth is not None:
            layers.require_depth(depth)
        return layers

    def require_depth(self, depth: int) -> None:
        """Raises ValueError when a layer lies beyond the tower's last one."""
        if self.deepest > depth:
            raise ValueError(f"asked for layer {self.deepest}, the tower has layers 1 to {depth}")

    @property
    def deepest(self) -> int:
        return self.indices[-1]

    def __str__(self) -> str:
        return ",".join(map(str, self.indices))

    def __iter__(self) -> Iterator[int]:
        return iter(self.indices)

    def __len__(self) -> int:
        return len(self.indices)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            _validate, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )


def _count_from_one(number: int, depth: int | None) -> int:
    if number >= 0:
        return number
    if depth is None:
        raise ValueError(f"layer {number} counts from the end, which needs the tower's depth; {_ALLOWED}")
    if -number > depth:
        raise ValueError(f"asked for layer {number}, the tower has layers 1 to {depth}")
    return depth + 1 + number


def _validate(value: Any) -> LayerSet:
    if isinstance(value, LayerSet):
        return value
    if isinstance(value, list | tuple):
        # kfp turns the integers of a list into floats when it passes them to a step.
        if any(isinstance(v, bool) or not isinstance(v, int | float) or v % 1 != 0 for v in value):
            raise ValueError(f"cannot read {value!r} as layers; {_ALLOWED}")
        return LayerSet(tuple(int(v) for v in value))
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError(f"cannot read {value!r} as layers; {_ALLOWED}")
    return LayerSet.parse(str(value))


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
