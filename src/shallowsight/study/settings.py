"""A setting, which is what a study varies: the layers and their fusion.

It is written `8` or `3,8,12:concat`. Four words stand for layers that are known only after the analysis:
`groups` (one representative of each group), `groups:concat` (all of them fused), `last`, `penultimate`. Where the
analysis finds no groups, the first two stand for layers that are spread evenly over the tower.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast, get_args

from shallowsight.study.layers import Group, LayerSet, evenly_spread

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
    """Replace the words by layers: each distinct setting once, with its roles, in the order of the texts.

    Args:
        groups: those that the analysis found; none, or one alone, where the tower has no groups.

    Raises:
        ValueError: a setting is beyond the depth, or `penultimate` is asked of a tower with one layer.
    """
    roles: dict[Setting, list[str]] = {}
    for text in texts:
        for setting, role in _expand(text, depth, groups):
            found = roles.setdefault(setting, [])
            new = dict.fromkeys((role, _usual_name(setting, depth)))
            found += [each for each in new if each and each not in found]
    return {setting: tuple(found) for setting, found in roles.items()}


def _expand(text: str, depth: int, groups: Sequence[Group]) -> list[tuple[Setting, str]]:
    match text:
        case "groups":
            return [(_single(layer), role) for layer, role in _for_groups(depth, groups)]
        case "groups:concat":
            layers = sorted({layer for layer, _ in _for_groups(depth, groups)})
            role = "group fusion" if len(groups) > 1 else "evenly spread fusion"
            return [(Setting(LayerSet(tuple(layers)), "concat"), role)]
        case "last":
            return [(_single(depth), "last")]
        case "penultimate":
            if depth < 2:
                raise ValueError("the setting 'penultimate' needs a tower with two layers or more, this one has 1")
            return [(_single(depth - 1), "penultimate")]
    return [(Setting.parse(text, depth), "")]


def _usual_name(setting: Setting, depth: int) -> str:
    """What a layer is called by its place, however the study wrote it; empty for others."""
    if setting.fusion != "single":
        return ""
    return {depth: "last", depth - 1: "penultimate"}.get(setting.layers.deepest, "")


def _for_groups(depth: int, groups: Sequence[Group]) -> list[tuple[int, str]]:
    """The layers that `groups` stands for, with their roles."""
    if len(groups) > 1:
        return [(group.representative, f"{group.name} representative") for group in groups]
    return [(layer, "evenly spread") for layer in evenly_spread(depth)]


def _single(layer: int) -> Setting:
    return Setting(LayerSet((layer,)), "single")
