"""A stock LLaVA computes each listed family of language models exactly, and those refused not."""

from pathlib import Path

import pytest
import torch
from small_language_models import FAMILIES, small_model
from transformers import CLIPVisionConfig, LlavaConfig, LlavaForConditionalGeneration

from shallowsight.export.language import is_tied, language_config, language_weights
from shallowsight.export.language_families import EXACT

pytestmark = pytest.mark.slow
ROWS = 130


@pytest.mark.parametrize("family", EXACT)
@pytest.mark.usefixtures("one_thread")
def test_the_same_logits_after_saving(family: str, tmp_path: Path) -> None:
    assert family in FAMILIES
    language = small_model(family).eval()
    saved(language).save_pretrained(tmp_path)
    stock = LlavaForConditionalGeneration.from_pretrained(tmp_path).eval()
    ids = torch.randint(3, 120, (1, 14), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        own = language(inputs_embeds=language.get_input_embeddings()(ids), use_cache=False).logits
        found = stock(input_ids=ids, use_cache=False).logits[..., : own.shape[-1]]
    # The same arithmetic; 1e-5 of the largest logit is for the place of weights in memory, as in test_exact_export.
    assert (own - found).abs().max() <= 1e-5 * own.abs().max()


def test_a_family_with_a_cap_would_differ() -> None:
    """So that the comparison above can fail."""
    language = small_model("gemma2").eval()
    stock = saved(language).eval()
    ids = torch.arange(3, 17)[None]
    with torch.no_grad():
        own = language(inputs_embeds=language.get_input_embeddings()(ids), use_cache=False).logits
        assert (own - stock(input_ids=ids, use_cache=False).logits[..., : own.shape[-1]]).abs().max() > 0.1


def saved(language: torch.nn.Module) -> LlavaForConditionalGeneration:
    """The stock model, with the language model's weights as an export writes them."""
    vision = CLIPVisionConfig(
        hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1, image_size=28, patch_size=14
    )
    config = LlavaConfig(
        vision_config=vision,
        text_config=language_config(language, ROWS),
        image_token_index=ROWS - 1,
        vision_feature_layer=1,
        tie_word_embeddings=is_tied(language),
    )
    stock = LlavaForConditionalGeneration(config)
    decoder, output = language_weights(language, ROWS)
    parts = {f"model.language_model.{name}": value for name, value in decoder.items()} | {"lm_head.weight": output}
    rest = {
        name: value for name, value in stock.state_dict().items() if name.startswith(("model.vision", "model.multi"))
    }
    stock.load_state_dict(parts | rest, assign=True)
    stock.tie_weights()
    return stock
