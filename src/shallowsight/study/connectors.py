"""Every connector: how many image tokens it leaves. The classes are in model/connector.

A connector *preserves* (one image token for each patch vector) or *compresses* (fewer).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isqrt
from typing import Self

from pydantic import model_validator

from shallowsight.study.fields import Part, Positive
from shallowsight.study.near_names import unknown_name

_MLP = re.compile(r"mlp([2-9])x_gelu")
_EIGHT = 8
_QUARTER = 4  # patch vectors that become one token where nothing else is said


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of connector; `fits` says why it cannot make so many tokens of so many patch vectors, or nothing."""

    compresses: bool
    grid: bool = False  # needs the patch vectors as a square
    fits: Callable[[int, int], str]
    says: str
    source: str


def _as_many(patches: int, tokens: int) -> str:
    return "" if tokens == patches else f"it makes one token of each of the {patches} patch vectors"


def _fewer(patches: int, tokens: int) -> str:
    return "" if tokens <= patches else f"it makes at most as many tokens as patch vectors, {patches}"


def _smaller_square(patches: int, tokens: int) -> str:
    return "its tokens are a square, such as 9, 16, 64 or 144" if _side(tokens) is None else _fewer(patches, tokens)


def _half_side(patches: int, tokens: int) -> str:
    half = (1 + (_side(patches) or 0)) // 2
    return "" if tokens == half * half else f"it halves the sides of the square, which gives {half * half} tokens"


def _all_or_a_quarter(patches: int, tokens: int) -> str:
    even = (_side(patches) or 1) % 2 == 0
    if tokens == patches or (even and _QUARTER * tokens == patches):
        return ""
    return f"it makes {patches} tokens" + (f" or, of 2 x 2 patch vectors each, {patches // _QUARTER}" if even else "")


_ONE_MATRIX = Kind(compresses=False, fits=_as_many, says="one matrix", source="LLaVA, arXiv 2304.08485")

CONNECTORS: Mapping[str, Kind] = {
    "linear": _ONE_MATRIX,
    "mlp2x_gelu": Kind(
        compresses=False,
        fits=_as_many,
        says="two matrices and a GELU; also mlp3x_gelu, mlp4x_gelu, ...",
        source="LLaVA-1.5, arXiv 2310.03744",
    ),
    "merger": Kind(
        compresses=False,
        fits=_all_or_a_quarter,
        says="layer norm, two matrices and a GELU; with a quarter of the tokens, of 2 x 2 patch vectors each",
        source="Qwen3-VL's merger for DeepStack",
    ),
    "avgpool_mlp": Kind(
        compresses=True,
        grid=True,
        fits=_smaller_square,
        says="mlp2x_gelu, then the average over squares",
        source="connector study, arXiv 2410.06765",
    ),
    "c_abstractor": Kind(
        compresses=True,
        grid=True,
        fits=_smaller_square,
        says="convolutions with squeeze and excitation, average pooling between them",
        source="Honeybee, arXiv 2312.06742",
    ),
    "ldp": Kind(
        compresses=True,
        grid=True,
        fits=_half_side,
        says="two matrices, then depth-wise convolutions, the second with stride 2",
        source="MobileVLM, arXiv 2312.16886",
    ),
    "ldpv2": Kind(
        compresses=True,
        grid=True,
        fits=_smaller_square,
        says="two matrices, average pooling, a depth-wise convolution beside it",
        source="MobileVLM V2, arXiv 2402.03766",
    ),
    "resampler": Kind(
        compresses=True,
        fits=_fewer,
        says="learned queries that attend to the patch vectors",
        source="Perceiver resampler as in Qwen-VL, arXiv 2308.12966",
    ),
}


class Connector(Part):
    """The layers between the tower and the language model."""

    kind: str = "mlp2x_gelu"
    tokens: Positive | None = None  # image tokens; None: all, or a quarter where the connector compresses

    @model_validator(mode="after")
    def _known(self) -> Self:
        _require_known(self.kind)
        return self

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `ldpv2` or `c_abstractor@64`; raises ValueError for another form."""
        kind, at, tokens = text.partition("@")
        _require_known(kind)
        if at and not (tokens.isascii() and tokens.isdecimal() and int(tokens)):
            raise ValueError(f"connector {text!r}: write the number of image tokens after @, as in c_abstractor@64")
        return cls(kind=kind, tokens=int(tokens) if at else None)

    def __str__(self) -> str:
        return self.kind if self.tokens is None else f"{self.kind}@{self.tokens}"

    @property
    def about(self) -> Kind:
        """What is known of this kind of connector."""
        return CONNECTORS["mlp2x_gelu" if _MLP.fullmatch(self.kind) else self.kind]

    @property
    def matrices(self) -> int | None:
        """How many matrices a plain `linear` or `mlpNx_gelu` has; None for others."""
        found = _MLP.fullmatch(self.kind)
        return int(found[1]) if found else 1 if self.kind == "linear" else None

    def tokens_of(self, patches: int) -> int:
        """The image tokens for `patches` patch vectors.

        Raises:
            ValueError: the connector cannot make this number.
        """
        about = self.about
        if about.grid and _side(patches) is None:
            raise ValueError(
                f"connector {self.kind} needs patch vectors in a square, got {patches}; use another connector or fusion"
            )
        tokens = self.tokens if self.tokens is not None else self._usual(patches)
        if why := about.fits(patches, tokens):
            raise ValueError(f"connector {self.kind}@{tokens}: {why}")
        return tokens

    def _usual(self, patches: int) -> int:
        if not self.about.compresses:
            return patches
        side = _side(patches)
        return max(1, patches // _QUARTER) if side is None else ((side + 1) // 2) ** 2


def ldp_squeezed(width: int) -> int:
    """The inner width of LDP's squeeze and excitation.

    A quarter of the width, rounded to a multiple of eight that is at least nine tenths of it, as torchvision has.
    """
    rounded = max(_EIGHT, int(width / 4 + _EIGHT / 2) // _EIGHT * _EIGHT)
    return rounded if rounded >= 0.9 * width / 4 else rounded + _EIGHT


def _require_known(kind: str) -> None:
    if kind not in CONNECTORS and not _MLP.fullmatch(kind):
        if not kind:
            raise ValueError("no connector after `+`; write for instance 8+ldpv2")
        raise ValueError(unknown_name("connector", kind, CONNECTORS, " or mlp3x_gelu, ..."))


def _side(count: int) -> int | None:
    """The side of a square of so many; None where there is no such square."""
    side = isqrt(count)
    return side if side * side == count else None
