"""Where layers of the tower can enter families of language models is where small models of them let them in."""

from collections.abc import Callable
from pathlib import Path

import entry_checks as entries
import pytest
from entry_checks import inside_vlm
from transformers import PreTrainedTokenizerBase

from shallowsight.errors import ConfigurationError
from shallowsight.model.language.families import (
    ATTENDING,
    PACKED,
    SUPPORTED,
    WITHOUT_CHECKPOINTING,
    WITHOUT_STATES,
    require_entries,
)
from shallowsight.model.vlm import VLM
from shallowsight.study.experiment import Experiment

pytestmark = pytest.mark.usefixtures("one_thread")

ADDED, ATTENDED = "2>0,2>1|2:internal-direct", "2>0,2>1|2:internal-modular"
FAST = (
    "llama",
    "qwen2",
    "qwen3",
    "mistral",
    "gemma2",
    "phi3",
    "smollm3",
    "gpt_neox",
    "granite",
    "gpt2",
    "cohere",
    "phi",
)
# Its router chooses experts by comparing rounded scores: a sum in another order may choose another expert.
BY_A_HAIR = ("phimoe",)
Build = Callable[[str, str], VLM]


@pytest.fixture
def build(small: Callable[..., Experiment], tokenizer: PreTrainedTokenizerBase, tmp_path: Path) -> Build:
    return lambda family, setting: inside_vlm(family, small, setting, tokenizer, tmp_path / family)


def added(build: Build, family: str) -> None:
    model = build(family, ADDED)
    entries.added_to_the_state(model)
    entries.trained_as_alone(model, family in PACKED, family not in (*WITHOUT_CHECKPOINTING, *BY_A_HAIR))


def attended(build: Build, family: str) -> None:
    model = build(family, ATTENDED)
    entries.attended_by_the_attention_alone(model)
    entries.trained_as_alone(model, family in PACKED, family not in (*WITHOUT_CHECKPOINTING, *BY_A_HAIR))


@pytest.mark.parametrize("family", FAST)
@pytest.mark.parametrize("check", [added, attended])
def test_layers_enter_a_family_as_is_said(build: Build, family: str, check: Callable[[Build, str], None]) -> None:
    able = family in ATTENDING if check is attended else family not in WITHOUT_STATES
    if able:
        check(build, family)
    else:
        with pytest.raises(Exception):  # noqa: B017  # whatever stands in the way
            check(build, family)


@pytest.mark.slow
@pytest.mark.parametrize("family", [family for family in SUPPORTED if family not in FAST])
@pytest.mark.parametrize("check", [added, attended])
def test_layers_enter_every_family_as_is_said(build: Build, family: str, check: Callable[[Build, str], None]) -> None:
    test_layers_enter_a_family_as_is_said(build, family, check)


def test_the_lists_are_of_families_that_are_supported() -> None:
    assert set(ATTENDING) | set(WITHOUT_STATES) <= set(SUPPORTED)
    assert not set(ATTENDING) & set(WITHOUT_STATES)


@pytest.mark.parametrize(
    ("family", "fusion", "message"),
    [
        ("mamba", "deepstack", "the states between its layers cannot be told; use a fusion"),
        ("phi", "internal-modular", "no norm of its own .*; use internal-direct or a fusion outside"),
        ("mamba", "internal-modular", "no norm of its own .*; use a fusion outside the language model, such as concat"),
    ],
)
def test_a_fusion_that_cannot_enter_is_refused(family: str, fusion: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=f"fusion '{fusion}': layers cannot be .*'{family}': .*{message}"):
        require_entries(family, ("single", fusion), 2)


def test_fusions_outside_may_be_with_any_family() -> None:
    for family in SUPPORTED:
        require_entries(family, ("single", "concat", "mean-concat"), 0)
    require_entries("llama", ("deepstack", "internal-direct", "internal-modular"), 2)
