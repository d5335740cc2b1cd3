"""Words in place of layers, with every form of fusion and with connectors."""

import pytest

from shallowsight.study.experiments import STUDIES
from shallowsight.study.layers import Group
from shallowsight.study.settings import Setting
from shallowsight.study.study import Study
from shallowsight.study.words import check_word_or_setting, needs_groups, resolve_settings

GROUPS = (Group("shallow", (1, 2, 3, 4), 3), Group("deep", (5, 6, 7, 8, 9, 10, 11, 12), 9))


def resolved(*texts: str, depth: int = 12, groups: tuple[Group, ...] = GROUPS) -> dict[str, tuple[str, ...]]:
    return {str(s): roles for s, roles in resolve_settings(texts, depth, groups).items()}


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        pytest.param("groups", ["3", "9"], id="groups"),
        pytest.param("groups:mean", ["3,9:mean"], id="groups, a list"),
        pytest.param("groups:mean-concat", ["1-4|5-12|11:mean-concat"], id="groups, ranges"),
        pytest.param("groups:deepstack", ["3,9|11:deepstack"], id="groups, inside"),
        pytest.param("thirds", ["4", "8", "12"], id="thirds"),
        pytest.param("thirds:sci", ["4,8,12:sci"], id="thirds, a list"),
        pytest.param("thirds:mean-concat", ["1-4|5-8|9-12|11:mean-concat"], id="thirds, ranges"),
        pytest.param("former", ["1", "2", "3", "4", "5", "6"], id="former"),
        pytest.param("former:mean-concat", ["1-6|11:mean-concat"], id="former, ranges"),
        pytest.param("latter:mean-concat", ["7-12|11:mean-concat"], id="latter, ranges"),
        pytest.param("latter:scalar-mix", ["7-12:scalar-mix"], id="latter, a list"),
        pytest.param("latter:internal-direct", ["7-12|11:internal-direct"], id="latter, inside"),
        pytest.param("all:mean-concat", ["1-6|7-12|11:mean-concat"], id="all, ranges"),
        pytest.param("all:mean+linear", ["1-12:mean+linear"], id="all, a list, with a connector"),
        pytest.param("penultimate+ldpv2@9", ["11+ldpv2@9"], id="one layer with a connector"),
        pytest.param("thirds+linear", ["4+linear", "8+linear", "12+linear"], id="several with a connector"),
    ],
)
def test_what_a_word_stands_for(text: str, settings: list[str]) -> None:
    assert list(resolved(text)) == settings
    check_word_or_setting(text, 12)


def test_all_is_every_layer() -> None:
    assert list(resolved("all")) == [str(k) for k in range(1, 13)]


def test_a_tower_of_any_depth() -> None:
    for depth in range(2, 41):
        for word in ("thirds", "former", "latter", "all", "groups"):
            for fusion in ("", ":mean", ":mean-concat", ":internal-direct"):
                found = resolved(word + fusion, depth=depth, groups=())
                assert found and all(str(Setting.parse(text, depth)) == text for text in found)


def test_a_layer_with_another_connector_is_not_the_usual_choice() -> None:
    assert resolved("penultimate", "11+ldp", "last+ldp") == {
        "11": ("penultimate",),
        "11+ldp": (),
        "12+ldp": ("last",),
    }


def test_a_fusion_of_a_layer_is_not_the_layer() -> None:
    assert resolved("penultimate", "penultimate:concat-norm", "last:scalar-mix", "last:single") == {
        "11": ("penultimate",),
        "11:concat-norm": (),
        "12:scalar-mix": (),
        "12": ("last",),
    }


def test_groups_are_needed_for_their_word_alone() -> None:
    assert needs_groups(["3", "groups:mean+linear"]) and not needs_groups(["thirds:sci", "all", "penultimate+ldp"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("thirds:add", "setting 'thirds:add': no fusion 'add'", id="fusion"),
        pytest.param("all+abstractor", "setting 'all+abstractor': no connector 'abstractor'", id="connector"),
        pytest.param("all:", "no fusion after `:`", id="nothing after the colon"),
        pytest.param("every", "cannot read 'every' as layers", id="another word"),
    ],
)
def test_refuses(text: str, message: str) -> None:
    with pytest.raises(ValueError) as refused:
        check_word_or_setting(text, 12)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("8:mean", "8"),
        ("8:concat", "8"),
        ("8:sum", "8"),
        ("8:sci", "8"),
        ("8:mean-concat", "8"),
        ("8:mean+ldpv2@9", "8+ldpv2@9"),
        ("penultimate:mean", "penultimate"),
        ("last:sum+linear", "last+linear"),
    ],
)
def test_a_fusion_that_is_its_one_layer_is_refused(text: str, meant: str) -> None:
    with pytest.raises(ValueError) as refused:
        check_word_or_setting(text, 12)
    fusion = text.partition(":")[2].partition("+")[0]
    assert str(refused.value) == f"setting {text!r}: {fusion} of one layer is the layer itself; write {meant}"
    check_word_or_setting(meant, 12)
    Setting.parse(text.replace("penultimate", "11").replace("last", "12"))  # as an earlier study may have named it


@pytest.mark.parametrize(
    "text",
    [
        *("8", "8:single", "9,9,9:concat", "9,9:sum", "8|8:mean-concat", "8|11:deepstack", "former:mean"),
        *("8:concat-norm", "8:scalar-mix", "8:scalar-mix-norm", "penultimate:concat-norm", "last+linear"),
    ],
)
def test_what_changes_a_layer_is_legal(text: str) -> None:
    check_word_or_setting(text, 12)


@pytest.mark.parametrize("study", STUDIES.values(), ids=list(STUDIES))
def test_named_studies_are_legal(study: Study) -> None:
    for text in study.settings:
        check_word_or_setting(text, 24)
