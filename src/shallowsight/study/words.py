"""Words in place of layers, for a tower of any depth: `groups`, `thirds`, `former`, `latter`, `all`, and two layers.

`groups` are those that the analysis finds; where it finds none, the word stands for layers that are spread evenly over
the tower. A word alone means each of its layers alone. With a fusion its layers are fused: in a list, or, for a fusion
of groups and one inside the language model, as the multi-layer fusion study has them (arXiv 2503.06063), with the
penultimate layer as the base. `penultimate` and `last` are one layer. Any word may have a connector.
"""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from shallowsight.study.connectors import Connector
from shallowsight.study.fusions import FUSIONS, Form, is_its_layer
from shallowsight.study.layers import Group, Layers, LayerSet, evenly_spread
from shallowsight.study.settings import Setting, split_setting

SETS = ("groups", "thirds", "former", "latter", "all")
SINGLE_LAYERS = ("penultimate", "last")
WORDS = (*SETS, *SINGLE_LAYERS)


@dataclass(frozen=True)
class _Set:
    """What a word stands for: ranges of layers, and the layers that are taken from them, each with its role."""

    ranges: tuple[tuple[int, ...], ...]
    taken: tuple[tuple[int, str], ...]
    fused: str  # the role of their fusion


def is_word(text: str) -> bool:
    """Whether a setting's text has a word in place of its layers."""
    return text.partition("+")[0].partition(":")[0] in WORDS


def check_word_or_setting(text: str, depth: int | None = None) -> None:
    """Check a setting that a user wrote.

    Raises:
        ValueError: the text is neither a setting nor one with a word in place of layers, or it fuses one layer into
            that layer.
    """
    try:
        if not is_word(text):
            _require_several(text, Setting.parse(text, depth))
        else:
            first, *_ = [setting for setting, _ in _expand(text, depth or _DEEP, ())]
            if split_setting(text)[0] in SINGLE_LAYERS:
                _require_several(text, first)
    except ValueError as error:
        raise ValueError(f"setting {text!r}: {error}{_words_help(text)}") from error


def _require_several(text: str, setting: Setting) -> None:
    if is_its_layer(setting.layers, setting.fusion):
        layers, fusion, connector = split_setting(text)
        meant = layers + (f"+{connector}" if connector else "")
        raise ValueError(f"{fusion} of one layer is the layer itself; write {meant}")


def _words_help(text: str) -> str:
    """How words are written, for a setting whose fault may be a word: one of them among others, or one that is none."""
    layers = text.partition("+")[0].partition(":")[0]
    if is_word(text) or not any(c.isalpha() for c in layers):
        return ""
    found = next((word for word in WORDS if word in re.split("[,|]", layers)), None)
    if found is not None:
        return f"; the word {found!r} stands alone in place of all layers, as in {found}:concat"
    near = difflib.get_close_matches(layers, WORDS, n=1)
    hint = f", did you mean {near[0]!r}?" if near else ""
    return f"; in place of layers the words {', '.join(WORDS)} are allowed too{hint}"


_DEEP = 24  # a depth at which every word can be checked


def needs_groups(texts: Sequence[str]) -> bool:
    """Whether a text stands for layers that are known only after the analysis."""
    return any(split_setting(text)[0] == "groups" for text in texts if is_word(text))


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
    if not is_word(text):
        return [(Setting.parse(text, depth), "")]
    word, fusion, connector = split_setting(text)
    if word in SINGLE_LAYERS:
        if fusion in FUSIONS and FUSIONS[fusion].form is Form.INSIDE:
            raise ValueError(
                f"fusion {fusion!r} takes layers that enter the language model and another one that becomes image "
                f"tokens, and {word!r} is one layer; write for instance former:{fusion}"
            )
        layer = depth if word == "last" else _penultimate(depth)
        # A role names a layer, so a fusion that changes the layer has none.
        role = word if fusion in {"", "single"} else ""
        return [(Setting(Layers.of(layer), fusion or "single", connector), role)]
    named = _set(word, depth, groups)
    if fusion in {"", "single"}:
        return [(Setting(Layers.of(layer), "single", connector), role) for layer, role in named.taken]
    return [(_fused(named, fusion, connector, depth), named.fused)]


def _fused(named: _Set, fusion: str, connector: Connector | None, depth: int) -> Setting:
    taken = LayerSet(tuple(sorted({layer for layer, _ in named.taken})))
    form = FUSIONS[fusion].form if fusion in FUSIONS else Form.LIST  # an unknown fusion is refused by the value itself
    if form is Form.LIST:
        return Setting(Layers((taken,)), fusion, connector)
    base = LayerSet((_penultimate(depth),))
    if form is Form.INSIDE:
        return Setting(Layers((taken, base)), fusion, connector)
    return Setting(Layers((*map(LayerSet, named.ranges), base)), fusion, connector)


def _set(word: str, depth: int, groups: Sequence[Group]) -> _Set:
    half = max(1, depth // 2)
    former, latter = tuple(range(1, half + 1)), tuple(range(half + 1, depth + 1)) or (depth,)
    match word:
        case "groups" if len(groups) > 1:
            taken = tuple((group.representative, f"{group.name} representative") for group in groups)
            return _Set(tuple(group.layers for group in groups), taken, "group fusion")
        case "groups" | "thirds":
            taken = tuple((layer, "evenly spread") for layer in evenly_spread(depth))
            return _Set(_thirds(depth), taken, "evenly spread fusion")
        case "former":
            return _Set((former,), _roles(former, word), word)
        case "latter":
            return _Set((latter,), _roles(latter, word), word)
    every = tuple(range(1, depth + 1))
    return _Set((former, latter) if depth > 1 else (every,), _roles(every, ""), word)


def _roles(layers: Sequence[int], role: str) -> tuple[tuple[int, str], ...]:
    return tuple((layer, role) for layer in layers)


def _thirds(depth: int) -> tuple[tuple[int, ...], ...]:
    ends = evenly_spread(depth)
    return tuple(tuple(range(first + 1, end + 1)) for first, end in zip((0, *ends), ends, strict=False))


def _usual_name(setting: Setting, depth: int) -> str:
    """What a layer is called by its place, however the study wrote it; empty for others."""
    if setting.fusion != "single" or setting.connector is not None:
        return ""
    return {depth: "last", depth - 1: "penultimate"}.get(setting.layers.deepest, "")


def _penultimate(depth: int) -> int:
    if depth < 2:
        raise ValueError("the penultimate layer needs a tower with two layers or more, this one has 1")
    return depth - 1
