"""Connectors as they are written, and how many image tokens they leave."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shallowsight.errors import ConfigurationError
from shallowsight.study.connectors import CONNECTORS, Connector
from shallowsight.study.experiment import Experiment
from shallowsight.study.image_tokens import image_tokens
from shallowsight.study.legal import require_buildable
from shallowsight.study.resolved import TowerFacts
from shallowsight.study.settings import Setting

KINDS = [*CONNECTORS, "mlp3x_gelu", "mlp9x_gelu"]


@given(st.sampled_from(KINDS), st.none() | st.integers(min_value=1, max_value=10**6))
def test_what_is_printed_is_read_again(kind: str, tokens: int | None) -> None:
    connector = Connector(kind=kind, tokens=tokens)
    assert Connector.parse(str(connector)) == connector
    setting = Setting.parse(f"8+{connector}")
    assert setting.connector == connector and Setting.parse(str(setting)) == setting


@pytest.mark.parametrize("text", ["3,8:concat+ldpv2", "1-6|7-12|11:mean-concat+resampler@9", "8+mlp2x_gelu"])
def test_a_setting_with_a_connector(text: str) -> None:
    assert str(Setting.parse(text)) == text


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        *((kind, (576, 144, 36, 49, 1)) for kind in ("linear", "mlp2x_gelu", "mlp5x_gelu", "merger")),
        *((kind, (144, 36, 9, 16, 1)) for kind in ("avgpool_mlp", "c_abstractor", "ldp", "ldpv2", "resampler")),
    ],
)
def test_the_usual_number_of_tokens(kind: str, expected: tuple[int, ...]) -> None:
    """All of them; or a quarter, of an odd side the half rounded up."""
    assert tuple(Connector(kind=kind).tokens_of(patches) for patches in (576, 144, 36, 49, 1)) == expected


@pytest.mark.parametrize(
    ("text", "patches"),
    [
        *((f"{kind}@{tokens}", 49) for kind in ("avgpool_mlp", "c_abstractor", "ldpv2") for tokens in (1, 4, 36, 49)),
        *((f"resampler@{tokens}", 49) for tokens in (1, 5, 48, 49)),
        ("resampler@4", 50),
        ("ldp@16", 49),
        ("ldp@144", 576),
        ("merger@144", 576),
        ("merger@576", 576),
        ("merger@49", 49),
        ("mlp2x_gelu@49", 49),
    ],
)
def test_a_number_of_tokens_that_is_asked_for(text: str, patches: int) -> None:
    connector = Connector.parse(text)
    assert connector.tokens_of(patches) == connector.tokens


def test_a_resampler_takes_any_number_of_patches() -> None:
    assert Connector(kind="resampler").tokens_of(577) == 144 and Connector(kind="resampler").tokens_of(2) == 1


SQUARE = "its tokens are a square, such as 9, 16, 64 or 144"


@pytest.mark.parametrize(
    ("text", "patches", "message"),
    [
        *((f"{kind}@8", 576, SQUARE) for kind in ("avgpool_mlp", "c_abstractor", "ldpv2")),
        *(
            (f"{kind}@625", 576, "it makes at most as many tokens as patch vectors, 576")
            for kind in ("avgpool_mlp", "c_abstractor", "ldpv2", "resampler")
        ),
        ("ldp@64", 576, "it halves the sides of the square, which gives 144 tokens"),
        ("ldp@9", 49, "it halves the sides of the square, which gives 16 tokens"),
        ("merger@64", 576, "it makes 576 tokens or, of 2 x 2 patch vectors each, 144"),
        ("merger@16", 49, "it makes 49 tokens"),
        ("merger@5", 20, "it makes 20 tokens"),
        ("linear@144", 576, "it makes one token of each of the 576 patch vectors"),
        ("mlp2x_gelu@577", 576, "it makes one token of each of the 576 patch vectors"),
    ],
)
def test_a_number_of_tokens_that_cannot_be_made(text: str, patches: int, message: str) -> None:
    with pytest.raises(ValueError) as refused:
        Connector.parse(text).tokens_of(patches)
    assert str(refused.value) == f"connector {text}: {message}"


@pytest.mark.parametrize("kind", [kind for kind, about in CONNECTORS.items() if about.grid])
def test_patches_in_no_square(kind: str) -> None:
    with pytest.raises(ValueError, match=f"connector {kind} needs patch vectors in a square, got 577; use another"):
        Connector(kind=kind).tokens_of(577)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        *(
            (f"c_abstractor@{tokens}", f"connector 'c_abstractor@{tokens}': write the number of image tokens after @")
            for tokens in ("0", "", "-4", "many", "4.0", "٣", "9@9", " 9")
        ),
        ("mlp", "no connector 'mlp'; choose from linear, mlp2x_gelu, "),
        ("mlp1x_gelu", "no connector 'mlp1x_gelu', did you mean 'mlp2x_gelu'? choose from linear"),
        ("mlp10x_gelu", "no connector 'mlp10x_gelu', did you mean 'mlp2x_gelu'? choose from linear"),
        ("C_Abstractor@9", "no connector 'C_Abstractor', did you mean 'c_abstractor'? choose from linear"),
        ("@9", "no connector after `+`; write for instance 8+ldpv2"),
        ("", "no connector after `+`; write for instance 8+ldpv2"),
    ],
)
def test_what_is_no_connector(text: str, message: str) -> None:
    with pytest.raises(ValueError) as refused:
        Connector.parse(text)
    assert message in str(refused.value)
    with pytest.raises(ValueError) as refused:
        Setting.parse(f"8+{text}")
    assert message in str(refused.value)


@pytest.mark.parametrize(("key", "value"), [("kind", "mlp"), ("tokens", 0), ("tokens", -1)])
def test_an_experiment_refuses_it_too(small: Callable[..., Experiment], key: str, value: object) -> None:
    with pytest.raises(ValueError, match=r"choose from linear|greater than 0"):
        small(**{f"connector__{key}": value})


@pytest.mark.parametrize("kind", [kind for kind, about in CONNECTORS.items() if about.grid])
def test_a_class_token_is_in_no_square(small: Callable[..., Experiment], facts: TowerFacts, kind: str) -> None:
    base = small(vision__features="cls_patch")
    with pytest.raises(ConfigurationError) as refused:
        require_buildable(base, Setting.parse(f"2+{kind}"), facts, base.language.depth)
    assert str(refused.value) == (
        f"setting 2: vision.features=cls_patch puts a class token in front of the patches, but connector {kind} needs "
        "them as a square; use vision.features=patch"
    )


@pytest.mark.parametrize("kind", ["linear", "mlp2x_gelu", "merger", "resampler"])
def test_a_class_token_where_no_square_is_needed(
    small: Callable[..., Experiment], facts: TowerFacts, kind: str
) -> None:
    experiment = small(vision__features="cls_patch", connector__kind=kind)
    assert image_tokens(experiment, facts) == (1 if kind == "resampler" else 5)


def test_a_settings_connector_comes_before_the_studys(small: Callable[..., Experiment], facts: TowerFacts) -> None:
    base = small(connector__kind="linear")
    assert image_tokens(base.at(Setting.parse("2+c_abstractor"), 0), facts) == 1
    assert image_tokens(base.at(Setting.parse("2"), 0), facts) == 4


def test_a_setting_that_cannot_be_built_is_named(small: Callable[..., Experiment], facts: TowerFacts) -> None:
    with pytest.raises(ConfigurationError) as refused:
        require_buildable(small(), Setting.parse("2+c_abstractor@9"), facts, 2)
    assert "c_abstractor@9: it makes at most as many tokens as patch vectors, 4" in str(refused.value)
    assert str(refused.value).startswith("setting 2"), "which setting"
