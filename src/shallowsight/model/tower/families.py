"""What is special about families of vision models, by the `model_type` of config.json. Needs no torch.

A family that is not listed here can be a tower too, if its config.json has the usual keys and the experiment says how
many tokens stand before the patches. tests/unit/model/tower/test_vision_families.py makes a small model of each family
of this table, and docs/vision-models.md is written from the same models.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Reads = Literal["pixels", "any_size", "all_patches", "cut_patches"]


@dataclass(frozen=True)
class Family:
    """How a family differs from a transformer with one class token that reads pixels of any size.

    `depth`, `width`, `patch`, `size` and `counted` hold transformers' defaults for keys that config.json does not have.
    """

    depth: int = 12
    width: int = 768
    patch: int = 16  # pixels; of a tower in stages: pixels of its first grid
    size: int = 224  # pixels, of the pictures that it was trained with
    class_token: bool = True  # whether the first token is one
    tokens: int = 1  # before the patches in hidden_states, the class token among them
    counted: tuple[str, int] | None = None  # a key of config.json: the number of further tokens before the patches
    # How it is called (tower/inputs.py). pixels: with the pixels alone; any_size: and asked to interpolate positions;
    # all_patches: and asked to leave no patch out; cut_patches: with the picture cut into patches.
    reads: Reads = "pixels"
    # Whether it takes its trained size only; a key of config.json that is true for models that take any size.
    one_size: bool = False
    any_size_if: str | None = None
    # A tower in stages, each with half the grid of the one before: layers are stages. Their widths.
    widths: tuple[int, ...] = ()
    tail: str | None = None  # the module behind the last stage, which does not fit an earlier one

    @property
    def says(self) -> str:
        """What a layer is, and what stands before the patches."""
        layer = "stages" if self.widths else "blocks"
        more = f" + {self.counted[0]}" if self.counted else ""
        return f"its {layer}; before the patches {self.tokens}{more} tokens"


# A model of pictures and texts -> the family of its vision model, which is loaded alone.
ALONE = {
    "clip": "clip_vision_model",
    "siglip": "siglip_vision_model",
    "siglip2": "siglip2_vision_model",
    "chinese_clip": "chinese_clip_vision_model",
    "tipsv2": "tipsv2_vision_model",
}
# The same, where transformers cannot load the vision model alone: it is taken out of the whole.
WITHIN = {
    "aimv2": "aimv2_vision_model",
    "altclip": "altclip_vision_model",
    "metaclip_2": "metaclip_2_vision_model",
}
_STAGES = (96, 192, 384, 768)
FAMILIES: Mapping[str, Family] = {
    "aimv2_vision_model": Family(
        depth=24, width=1024, patch=14, class_token=False, tokens=0, one_size=True, any_size_if="is_native"
    ),
    "altclip_vision_model": Family(patch=32, reads="any_size"),
    "beit": Family(),
    "chinese_clip_vision_model": Family(patch=32, reads="any_size"),
    "clip_vision_model": Family(patch=32, reads="any_size"),
    "convnext": Family(patch=4, class_token=False, tokens=0, widths=_STAGES, tail="layernorm"),
    "convnextv2": Family(patch=4, class_token=False, tokens=0, widths=_STAGES, tail="layernorm"),
    "data2vec-vision": Family(),
    "deit": Family(tokens=2, reads="any_size"),  # the second one is for distillation
    "dinov2": Family(patch=14),
    "dinov2_with_registers": Family(counted=("num_register_tokens", 4)),
    "dinov3_convnext": Family(patch=4, class_token=False, tokens=0, widths=_STAGES, tail="layer_norm"),
    "dinov3_vit": Family(width=384, counted=("num_register_tokens", 0)),
    "ijepa": Family(class_token=False, tokens=0, reads="any_size"),
    "internvl_vision": Family(depth=24, width=1024, patch=14, size=448),
    "metaclip_2_vision_model": Family(patch=32, reads="any_size"),
    "mlcd": Family(depth=48, width=1664, patch=14, size=336),
    "mlcd_vision_model": Family(depth=48, width=1664, patch=14, size=336),
    "pixio": Family(depth=32, width=1280, size=256, tokens=0, counted=("n_cls_tokens", 8)),
    "siglip2_vision_model": Family(class_token=False, tokens=0, reads="cut_patches"),  # NaFlex
    "siglip_vision_model": Family(class_token=False, tokens=0, reads="any_size"),
    "tipsv2_vision_model": Family(patch=14, size=448, counted=("num_register_tokens", 1)),
    "vit": Family(reads="any_size"),
    "vit_mae": Family(reads="all_patches"),
    "vit_msn": Family(reads="any_size"),
}
UNKNOWN = Family()

_INSIDE = "transformers loads it as a part of the whole model only; name the model of pictures and texts"
_HIERARCHY = "its layers have grids of different sizes, and no rule here says how they follow each other"
REFUSED = {
    "altclip_vision_model": _INSIDE,
    "metaclip_2_vision_model": _INSIDE,
    "timm_wrapper": "transformers makes it with the package timm, which is not one of this product's",
    "timm_backbone": "transformers makes it with the package timm, which is not one of this product's",
    "yolos": "its detection tokens stand behind the patches",
    "hiera": _HIERARCHY,
    "swin": _HIERARCHY,
    "swinv2": _HIERARCHY,
}


def family_of(name: str) -> Family:
    """By `model_type`, of a vision model or of a model of pictures and texts; UNKNOWN for one that is not listed."""
    return FAMILIES.get(ALONE.get(name) or WITHIN.get(name) or name, UNKNOWN)
