"""Writes docs/vision-models.md: `python tests/vision_families_page.py`, with src on PYTHONPATH."""

from pathlib import Path

from small_vision_models import NAMES

from shallowsight.model.tower.families import ALONE, REFUSED, WITHIN, Family, family_of

PAGE = Path(__file__).parents[1] / "docs" / "vision-models.md"
_TEXT = """# Vision models

`vision.tower` takes a vision model of transformers: a folder, a bucket or a hub id. The `model_type` of its
`config.json` is its family.

## Families that are known

Proven, of a small model with random weights of each (`pytest -m slow
tests/unit/model/tower/test_vision_families.py`): layer *k* is `hidden_states[k]` of the model as transformers loads
it, bit for bit, at two sizes of pictures and in a tower that is cut at any layer; it is the output of block *k*,
before any last norm; patches stand in the places of the picture; the tokens before the patches are as many as the
table says.

- **before the patches**: tokens in hidden states that are no patches, by the defaults of transformers; the number of
  registers is read from `config.json`.
- **other sizes**: whether pictures of other sizes than in training are allowed; positions are interpolated then, or
  are none that end. Where they are not, `resolve` names the size that is.
- **cls_patch**: whether there is a class token that `vision.features=cls_patch` can keep. Registers are always
  dropped.

| family | layers | before the patches | other sizes | cls_patch |
|---|---|---|---|---|
{known}

A tower in stages (ConvNeXt) has a layer for each stage. Stages differ in width, so that only the fusions concat,
concat-norm and sci join them, or those inside the language model, and in grid: each is resampled (bilinear,
`align_corners=False`, float32) to one token for every `vision.patch` pixels of a side, by default those of the last
stage (32). `vision.image_size` must be a multiple of both. The cosine of two stages is shown as 0, because their
vectors share no direction; CKA compares them. Their operations are not counted: a study prints `no forecast`.

An MAE leaves out no patch and keeps their order: its layers are those of a ViT with its weights. SigLIP 2 is a
`siglip` model in its fixed sizes; the one for any size (NaFlex, `siglip2`) gets square pictures.

## A family that is not in the table

A model whose `config.json` has `num_hidden_layers`, `hidden_size` and `image_size` or `patch_size`, and that takes
`pixel_values` alone, can be a tower at the size of its training:

- `vision.prefix_tokens`: how many tokens stand before the patches. The first one is taken for a class token.
- `vision.patch`: pixels of a patch's side, where `config.json` has no `patch_size`.

The box that loads it shows it one picture, and refuses it where hidden states are not those of all layers, or not
tokens before the patches and a square of patches. That the tokens before the patches are what you said cannot be
seen: a model with further tokens behind the patches passes. Layers above the deepest one in use are removed if those
below then stay the same; otherwise the model runs whole, and the log says so.

## Refused

EVA-CLIP and Perception Encoder are in transformers 5.23 as models of timm only. A model of several parts that is not
in the table is refused; its vision model can be saved alone.

| family | why |
|---|---|
{refused}

## Colours

Mean, deviation and factor are those of the model's own processor. Where transformers can make it with torchvision
only (DINOv3), they are read from `preprocessor_config.json`. Size and crop of the processor do not count: [how
pictures become square](pictures.md).

This page is written by `python tests/vision_families_page.py`; a test compares it with the code.
"""


def page() -> str:
    known = [
        f"| {name} | {_layers(name, family_of(name))} | {_before(family_of(name))} | {_sizes(family_of(name))} | "
        f"{'yes' if family_of(name).class_token else 'no'} |"
        for name in sorted(NAMES)
    ]
    refused = [f"| {name} | {reason} |" for name, reason in sorted(REFUSED.items())]
    return _TEXT.format(known="\n".join(known), refused="\n".join(refused))


def _layers(name: str, family: Family) -> str:
    if name in ALONE or name in WITHIN:
        return "blocks of its vision model"
    return "stages" if family.widths else "blocks"


def _before(family: Family) -> str:
    more = f" + `{family.counted[0]}` ({family.counted[1]})" if family.counted else ""
    return f"{family.tokens}{more}"


def _sizes(family: Family) -> str:
    return f"only with `{family.any_size_if}`" if family.one_size else "yes"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
