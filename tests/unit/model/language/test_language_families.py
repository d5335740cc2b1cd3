"""What is said of families of language models is what small models of them do."""

from collections.abc import Callable
from pathlib import Path

import family_checks as checks
import flash_stand_in
import pytest
import torch
from families_page import PAGE, page
from small_language_models import FAMILIES, attention, model_class, small_model
from transformers import PreTrainedTokenizerBase

from shallowsight.model.checkpoint import load_trained, save_finetuned
from shallowsight.model.language.families import (
    ALONE,
    ANSWERS,
    IDLE,
    LOGITS,
    NEEDS_IDS,
    NOT_TEXT,
    PACKED,
    REFUSED,
    SEES_AHEAD,
    SUPPORTED,
    UNCOUNTED,
    UNTESTED,
    WITHOUT_ADAPTERS,
    WITHOUT_CHECKPOINTING,
    WITHOUT_FLASH,
)
from shallowsight.model.vlm import VLM
from shallowsight.study.experiment import Experiment
from shallowsight.study.resolved import TowerFacts

pytestmark = pytest.mark.usefixtures("one_thread")

Build = Callable[[str], VLM]
Check = Callable[[VLM], None]

# What is asked of each family, and the reason that is given for one that does not do it.
NEEDED: dict[Check, str] = {
    checks.embeddings_say_what_ids_say: NEEDS_IDS,
    checks.no_token_sees_what_follows: SEES_AHEAD,
    checks.loss_is_its_own: LOGITS,
    checks.answers_are_the_argmax: ANSWERS,
    checks.every_parameter_takes_part: IDLE,
    checks.operations_are_counted: UNCOUNTED,
}
# Those with a way of their own to logits, with plain attention, with [in, out] matrices, with a state, with few views.
FAST = (
    "llama", "qwen2", "granite", "granitemoe", "cohere", "cohere2", "gemma2", "recurrent_gemma", "gpt2", "gpt_neo",
    "gptj", "opt", "bloom", "mamba",
)  # fmt: skip


@pytest.fixture
def build(small: Callable[..., Experiment], tokenizer: PreTrainedTokenizerBase, tmp_path: Path) -> Build:
    def make(family: str) -> VLM:
        return checks.small_vlm(family, small(), tokenizer, tmp_path / family)

    return make


def fails(check: Check, model: VLM) -> bool:
    """Whether it raises, whatever a library raises for what it does not do."""
    try:
        check(model)
    except Exception:
        return True
    return False


def assert_as_said(family: str, model: VLM) -> None:
    assert model.language.config._attn_implementation == attention(family)
    for check in NEEDED:
        check(model)
    checks.training_is_as_answering(model)
    assert fails(checks.packed_as_alone, model) is (family in ALONE)
    assert fails(checks.computed_again_as_kept, model) is (family in WITHOUT_CHECKPOINTING)
    assert fails(checks.adapted_as_merged, model) is (family in WITHOUT_ADAPTERS)


@pytest.mark.parametrize("family", FAST)
def test_a_family_does_what_is_said(build: Build, family: str) -> None:
    assert_as_said(family, build(family))


@pytest.mark.slow
@pytest.mark.parametrize("family", [family for family in SUPPORTED if family not in FAST])
def test_every_family_does_what_is_said(build: Build, family: str) -> None:
    assert_as_said(family, build(family))


@pytest.mark.parametrize("family", ["llama", "gemma2", "gpt2", "gptj", "gpt_neo"])
def test_what_flash_attention_is_told(build: Build, family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where packed sequences begin; else it would mix them in silence."""
    flash_stand_in.put_in_place(monkeypatch)
    model = build(family)
    checks.loss_is_its_own(model)
    assert fails(checks.packed_as_alone, model) is (family in WITHOUT_FLASH)


@pytest.mark.slow
@pytest.mark.parametrize("family", [f for f in PACKED if model_class(f)._supports_flash_attn])
def test_what_flash_attention_is_told_by_every_family(
    build: Build, family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    test_what_flash_attention_is_told(build, family, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("family", [f for f, reason in REFUSED.items() if reason not in (NOT_TEXT, UNTESTED)])
def test_a_refused_family_fails_as_is_said(build: Build, family: str) -> None:
    (check,) = [check for check, reason in NEEDED.items() if reason == REFUSED[family]]
    assert fails(check, build(family))


@pytest.mark.slow
@pytest.mark.parametrize("family", [f for f, reason in REFUSED.items() if reason in (NOT_TEXT, UNTESTED)])
def test_no_small_model_can_be_made_of_the_other_refused_families(family: str) -> None:
    with pytest.raises(Exception):  # noqa: B017  # what transformers raises, of many kinds, or ours for its size
        small_model(family)


@pytest.mark.parametrize("family", FAST)
def test_a_checkpoint_comes_back(
    small: Callable[..., Experiment], facts: TowerFacts, tokenizer: PreTrainedTokenizerBase, tmp_path: Path, family: str
) -> None:
    """Tied weights too; the checkpoint holds no folder's weights, but those that were trained."""
    small_model(family).save_pretrained(tmp_path / "language")
    experiment = small(language__model=str(tmp_path / "language"))
    torch.manual_seed(1)
    model = VLM(experiment, facts, tokenizer).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    (tmp_path / "trained").mkdir()
    save_finetuned(model, experiment, facts, tokenizer, tmp_path / "trained")
    loaded = load_trained(tmp_path / "trained").model
    embeddings = torch.randn(1, 7, model.language.get_input_embeddings().weight.shape[1])
    with torch.no_grad():
        expected, found = (m.language(inputs_embeds=embeddings, use_cache=False).logits for m in (model, loaded))
    assert torch.equal(found, expected)
    for (name, saved), (other, back) in zip(model.named_parameters(), loaded.named_parameters(), strict=True):
        assert name == other and torch.equal(saved, back)


def test_every_family_of_transformers_is_named_once() -> None:
    assert sorted([*SUPPORTED, *REFUSED]) == sorted(FAMILIES)
    assert set(WITHOUT_ADAPTERS) | set(WITHOUT_CHECKPOINTING) <= set(SUPPORTED) == set(PACKED) | set(ALONE)


def test_the_page_says_the_same() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "write it anew: python tests/families_page.py"


@pytest.mark.parametrize("family", ["granite", "granitemoe", "cohere", "cohere2", "gemma2", "recurrent_gemma"])
@torch.no_grad()
def test_hidden_states_times_the_head_are_not_their_logits(build: Build, family: str) -> None:
    """What the comparison of losses is able to find."""
    language = build(family).language
    embeddings = language.get_input_embeddings()(torch.arange(3, 15)[None])
    states = language.base_model(inputs_embeds=embeddings, use_cache=False).last_hidden_state
    own = language(inputs_embeds=embeddings, use_cache=False).logits
    assert (language.get_output_embeddings()(states) - own).abs().max() > 0.1
