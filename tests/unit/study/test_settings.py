"""Settings, and the words that only an analysis can turn into layers."""

import pytest

from shallowsight.study.layers import Group, Layers
from shallowsight.study.settings import Setting
from shallowsight.study.words import check_word_or_setting, needs_groups, resolve_settings

GROUPS = (
    Group("shallow", (1, 2, 3, 4), 3),
    Group("middle", (5, 6, 7, 8), 7),
    Group("deep", (9, 10, 11, 12), 11),
)


@pytest.mark.parametrize(
    ("text", "depth", "layers", "fusion", "written"),
    [
        pytest.param("8", None, (8,), "single", "8", id="single"),
        pytest.param("8:single", None, (8,), "single", "8", id="single by name"),
        pytest.param("8:concat", None, (8,), "concat", "8:concat", id="concat of one"),
        pytest.param("3,8", None, (3, 8), "concat", "3,8:concat", id="several mean concat"),
        pytest.param("3,8,12:concat", None, (3, 8, 12), "concat", "3,8,12:concat", id="concat by name"),
        pytest.param("3,-1", 12, (3, 12), "concat", "3,12:concat", id="negative"),
        pytest.param("3-8:mean", 12, (3, 4, 5, 6, 7, 8), "mean", "3-8:mean", id="range"),
    ],
)
def test_parse(text: str, depth: int | None, layers: tuple[int, ...], fusion: str, written: str) -> None:
    setting = Setting.parse(text, depth)
    assert setting == Setting(Layers.of(*layers), fusion)
    assert str(setting) == written and Setting.parse(written) == setting


@pytest.mark.parametrize(
    ("text", "depth", "message"),
    [
        pytest.param("3,8:single", None, "fusion 'single' takes one layer, got 3,8", id="single of two"),
        pytest.param("3:add", None, "no fusion 'add'; choose from single, concat, mean", id="unknown fusion"),
        pytest.param("13", 12, "asked for layer 13, the tower has layers 1 to 12", id="too deep"),
        pytest.param("lsat", None, "cannot read 'lsat' as layers", id="typo of a word"),
    ],
)
def test_parse_refuses(text: str, depth: int | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Setting.parse(text, depth)
    with pytest.raises(ValueError) as refused:
        check_word_or_setting(text, depth)
    assert f"setting {text!r}: {message}" in str(refused.value)
    help_on_words = "; in place of layers the words groups, thirds, former, latter, all, penultimate, last are allowed"
    assert (help_on_words in str(refused.value)) == (text == "lsat"), "only layers that are letters may mean a word"


def test_a_word_among_layers_is_told_to_stand_alone() -> None:
    with pytest.raises(
        ValueError, match=r"; the word 'groups' stands alone in place of all layers, as in groups:concat$"
    ):
        check_word_or_setting("groups|11:deepstack")


def test_one_layer_by_a_word_is_no_fusion_inside_the_language_model() -> None:
    with pytest.raises(ValueError, match=r"'last' is one layer; write for instance former:deepstack$"):
        check_word_or_setting("last:deepstack")


@pytest.mark.parametrize("text", ["groups", "groups:concat", "penultimate", "last", "12", "3,8"])
def test_words_and_settings_pass(text: str) -> None:
    check_word_or_setting(text, 12)


def test_words_become_layers_with_roles() -> None:
    found = resolve_settings(["groups", "penultimate", "last", "groups:concat", "5"], 12, GROUPS)
    assert {str(s): roles for s, roles in found.items()} == {
        "3": ("shallow representative",),
        "7": ("middle representative",),
        "11": ("deep representative", "penultimate"),  # one model plays both roles
        "12": ("last",),
        "3,7,11:concat": ("group fusion",),
        "5": (),
    }
    assert [str(s) for s in found] == ["3", "7", "11", "12", "3,7,11:concat", "5"], "not in the order asked"


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        pytest.param(["11", "-2"], {"11": ("penultimate",)}, id="the penultimate layer by number"),
        pytest.param(["12", "last", "-1"], {"12": ("last",)}, id="number, word, negative"),
        pytest.param(["3,7,11", "groups:concat"], {"3,7,11:concat": ("group fusion",)}, id="fusion by hand"),
        pytest.param(["groups", "groups"], {"3": 1, "7": 1, "11": 2}, id="the same word twice"),
        pytest.param(["12", "12:concat"], {"12": ("last",), "12:concat": ()}, id="another fusion is another setting"),
    ],
)
def test_each_setting_once(texts: list[str], found: dict[str, object]) -> None:
    roles = {str(s): r for s, r in resolve_settings(texts, 12, GROUPS).items()}
    assert list(roles) == list(found)
    for name, expected in found.items():
        assert roles[name] == expected or len(roles[name]) == expected


def test_a_setting_too_deep_is_refused() -> None:
    with pytest.raises(ValueError, match="asked for layer 13, the tower has layers 1 to 12"):
        resolve_settings(["13"], 12, GROUPS)


@pytest.mark.parametrize(
    ("texts", "needed"), [(["3", "last"], False), (["3", "groups"], True), (["groups:concat"], True), ([], False)]
)
def test_needs_groups(texts: list[str], needed: bool) -> None:
    assert needs_groups(texts) is needed


@pytest.mark.parametrize("found", [(), (Group("all", tuple(range(1, 13)), 6),)], ids=["none", "one"])
def test_without_groups_the_words_stand_for_evenly_spread_layers(found: tuple[Group, ...]) -> None:
    resolved = {str(s): r for s, r in resolve_settings(["groups", "last", "groups:concat"], 12, found).items()}
    assert resolved == {
        "4": ("evenly spread",),
        "8": ("evenly spread",),
        "12": ("evenly spread", "last"),
        "4,8,12:concat": ("evenly spread fusion",),
    }


@pytest.mark.parametrize(
    ("depth", "single", "fused"),
    [
        (1, ["1"], "1:concat"),
        (2, ["1", "2"], "1,2:concat"),
        (3, ["1", "2", "3"], "1-3:concat"),
        (4, ["2", "3", "4"], "2-4:concat"),
        (24, ["8", "16", "24"], "8,16,24:concat"),
        (40, ["14", "27", "40"], "14,27,40:concat"),
    ],
)
def test_evenly_spread_at_every_depth(depth: int, single: list[str], fused: str) -> None:
    assert [str(s) for s in resolve_settings(["groups"], depth, ())] == single
    assert [str(s) for s in resolve_settings(["groups:concat"], depth, ())] == [fused]


@pytest.mark.parametrize("count", [2, 3, 4, 5])
def test_any_number_of_groups(count: int) -> None:
    groups = [Group(f"group {n}", (2 * n - 1, 2 * n), 2 * n) for n in range(1, count + 1)]
    resolved = {str(s): r for s, r in resolve_settings(["groups", "groups:concat"], 2 * count, groups).items()}
    *alone, fused = resolved.items()
    expected = [(str(2 * n), (f"group {n} representative",)) for n in range(1, count + 1)]
    deepest, roles = expected[-1]
    assert alone == [*expected[:-1], (deepest, (*roles, "last"))]
    assert fused == (",".join(str(2 * n) for n in range(1, count + 1)) + ":concat", ("group fusion",))


def test_groups_with_one_representative() -> None:
    groups = [Group("shallow", (1, 2), 2), Group("deep", (2, 3), 2)]
    assert {str(s): r for s, r in resolve_settings(["groups", "groups:concat"], 3, groups).items()} == {
        "2": ("shallow representative", "penultimate", "deep representative"),
        "2:concat": ("group fusion",),
    }


def test_no_penultimate_layer_in_a_tower_with_one() -> None:
    with pytest.raises(ValueError, match="the penultimate layer needs a tower with two layers or more, this one has 1"):
        resolve_settings(["penultimate"], 1, ())
