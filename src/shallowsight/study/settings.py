"""A setting, which is what a study varies: the layers and their fusion.

It is written `8` or `3,8,12:concat`. Four words stand for layers that are known only after the analysis:
`groups` (one representative of each group), `groups:concat` (all of them fused), `last`, `penultimate`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast, get_args

from shallowsight.study.layers import Group, LayerSet

WORDS = ("groups", "groups:concat", "penultimate", "last")
FusionKind = Literal["single", "concat"]
FUSIONS: tuple[FusionKind, ...] = get_args(FusionKind)


@dataclass(frozen=True)
class Setting:
    """A layer set and its fusion; `str()` gives the form that `parse` reads."""

    layers: LayerSet
    fusion: FusionKind

    def __post_init__(self) -> None:
        if self.fusion not in FUSIONS:
            raise ValueError(f"no fusion {self.fusion!r}; choose from {', '.join(FUSIONS)}")
        if self.fusion == "single" and len(self.layers) != 1:
            raise ValueError(f"fusion 'single' takes one layer, got {self.layers}")

    @classmethod
    def parse(cls, text: str, depth: int | None = None) -> "Setting":
        """Read `8`, `3,8,12` (which means concat) or `3,8,12:concat`.

        Raises:
            ValueError: the text does not have this form, or a layer is beyond the depth.
        """
        layer_text, _, fusion = str(text).partition(":")
        layers = LayerSet.parse(layer_text, depth)
        # An unknown fusion is refused by the value itself.
        return cls(layers, cast(FusionKind, fusion or ("single" if len(layers) == 1 else "concat")))

    def __str__(self) -> str:
        return str(self.layers) if self.fusion == "single" else f"{self.layers}:{self.fusion}"


def check_word_or_setting(text: str, depth: int | None = None) -> None:
    """Raises ValueError when the text is neither one of the words nor a setting."""
    if text in WORDS:
        return
    try:
        Setting.parse(text, depth)
    except ValueError as error:
        raise ValueError(f"setting {text!r}: {error}; the words {', '.join(WORDS)} are allowed too") from error


def needs_groups(texts: Sequence[str]) -> bool:
    """Whether a text stands for layers that are known only after the analysis."""
    return any(text.startswith("groups") for text in texts)


def resolve_settings(texts: Sequence[str], depth: int, groups: Sequence[Group]) -> dict[Setting, tuple[str, ...]]:
    """Replace the words by layers: each distinct setting once, with its roles, in the order of the texts."""
    roles: dict[Setting, list[str]] = {}
    for text in texts:
        for setting, role in _expand(text, depth, groups):
            found = roles.setdefault(setting, [])
            if role and role not in found:
                found.append(role)
    return {setting: tuple(found) for setting, found in roles.items()}


def _expand(text: str, depth: int, groups: Sequence[Group]) -> list[tuple[Setting, str]]:
    match text:
        case "groups":
            return [(_single(g.representative), f"{g.name} representative") for g in groups]
        case "groups:concat":
            layers = LayerSet(tuple(sorted(g.representative for g in groups)))
            return [(Setting(layers, "concat"), "group fusion")]
        case "last":
            return [(_single(depth), "last")]
        case "penultimate":
            return [(_single(depth - 1), "penultimate")]
    return [(Setting.parse(text, depth), "")]


def _single(layer: int) -> Setting:
    return Setting(LayerSet((layer,)), "single")
