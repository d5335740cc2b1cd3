"""Writes docs/language-models.md: `python tests/families_page.py`, with src on PYTHONPATH."""

from pathlib import Path

from small_language_models import attention

from shallowsight.model.language.families import (
    ATTENDING,
    PACKED,
    REFUSED,
    SUPPORTED,
    WITHOUT_ADAPTERS,
    WITHOUT_CHECKPOINTING,
    WITHOUT_FLASH,
    WITHOUT_STATES,
)

PAGE = Path(__file__).parents[1] / "docs" / "language-models.md"
_TEXT = """# Language models

`language.model` takes a causal language model of transformers: a folder, a bucket or a hub id. The `model_type` of its
`config.json` is its family. `resolve`, and so a dry run, refuses a family that was not proven, before anything is
computed.

Proven means, of a small model with random weights on a CPU in float32 (`pytest -m slow
tests/unit/model/language/test_language_families.py` makes one of every family of transformers 5.23):

- The **loss** and all gradients are those of the model's own logits for each sequence alone, without padding. Logits
  are computed at supervised positions alone, by the model's own forward pass: what a family does between hidden states
  and logits (Granite and Cohere scale them, Gemma 2 caps them) is done by its own code.
- Embeddings in place of token ids give the same logits, no token sees a later one, and every parameter takes part.
- **Answers** in a batch are the argmax of the model's own logits, token by token. Sampling, penalties and forced tokens
  of a `generation_config.json` are left out.
- **Packed** rows (`finetune.packed=true`): each sequence has the loss and the gradients that it has alone.
- **LoRA** (`finetune.lora.rank`): merged matrices say what adapters beside them said. Experts that are kept in one
  tensor have no adapters.
- **Checkpointing** (`finetune.checkpointing=true`): activations that are computed again give the same gradients.
- **Added** layers (fusions `deepstack` and `internal-direct`) are added to what enters the next layer, and **attended**
  ones (`internal-modular`) change what the attention of a layer gets and nothing else; with them losses, gradients,
  answers, packed rows and checkpointing are as above.

Attention is `sdpa` (torch's own) or `eager` where a family has no other. flash-attn takes its place where CUDA and the
package are there, in bfloat16, for a family that has it. That was not run; a stand-in on a CPU shows that flash-attn is
told where packed sequences begin. {mixed} do not tell it: they keep the attention of the table.

This page is written by `python tests/families_page.py`; a test compares it with the code.

## Supported families

| family | loss | attention | packed | LoRA | checkpointing | added | attended |
|---|---|---|---|---|---|---|---|
{supported}

## Refused families

| family | why |
|---|---|
{refused}
"""


def page() -> str:
    supported = [
        f"| {family} | equal | {attention(family)} | {_said(family in PACKED)} | "
        f"{_said(family not in WITHOUT_ADAPTERS)} | {_said(family not in WITHOUT_CHECKPOINTING)} | "
        f"{_said(family not in WITHOUT_STATES)} | {_said(family in ATTENDING)} |"
        for family in sorted(SUPPORTED)
    ]
    refused = [f"| {family} | {reason} |" for family, reason in REFUSED.items()]
    return _TEXT.format(supported="\n".join(supported), refused="\n".join(refused), mixed=", ".join(WITHOUT_FLASH))


def _said(able: bool) -> str:
    return "yes" if able else "no"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
