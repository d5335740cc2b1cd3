"""Every family of vision models that can be a tower: what is said of it is what a small model of it does."""

import copy
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from small_vision_models import DEPTH, IMAGE_MEAN, IMAGE_STD, NAMES, PATCH, SIDE, WIDTH, WIDTHS, save_small_model
from torch import Tensor, nn
from transformers import CONFIG_MAPPING, AutoModel
from vision_families_page import PAGE, page

from shallowsight.errors import ConfigurationError
from shallowsight.model.tower.facts import depth_of, describe, outline
from shallowsight.model.tower.families import ALONE, FAMILIES, REFUSED, WITHIN, family_of
from shallowsight.model.tower.loading import load_encoder, load_tower
from shallowsight.model.tower.numbers import Numbers
from shallowsight.model.tower.pictures import PictureProcessor
from shallowsight.model.tower.tower import Tower, features_of
from shallowsight.study.experiment import Vision
from shallowsight.study.resolved import TowerFacts

STAGES = [name for name in NAMES if family_of(name).widths]
PLAIN = [name for name in NAMES if name not in STAGES]
# Tokens before the patches in the small models, and whether the first is a class token.
TOKENS = {name: (1, True) for name in PLAIN} | {
    "aimv2": (0, False), "aimv2_vision_model": (0, False),
    "deit": (2, True),
    "dinov2_with_registers": (5, True), "dinov3_vit": (5, True),
    "ijepa": (0, False),
    "pixio": (3, True),
    "siglip": (0, False), "siglip_vision_model": (0, False), "siglip2": (0, False), "siglip2_vision_model": (0, False),
    "tipsv2": (3, True), "tipsv2_vision_model": (3, True),
}  # fmt: skip
ONE_SIZE = ("aimv2", "aimv2_vision_model")
BIG = 2 * SIDE
FAST = ("clip_vision_model", "convnext", "deit", "dinov2_with_registers", "siglip2_vision_model", "vit_mae")
EVERY = [pytest.param(name, marks=[] if name in FAST else pytest.mark.slow) for name in NAMES]
Folder = Callable[[str], Path]


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    root = tmp_path_factory.mktemp("families")
    return cache(lambda name: save_small_model(name, root / name))


@pytest.fixture
def folder(folder_of: Folder, name: str) -> Path:
    """Of the family that a test is about."""
    return folder_of(name)


def side_of(name: str) -> int:
    return BIG if name in STAGES else SIDE


def sizes_of(name: str) -> list[int]:
    return [SIDE] if name in ONE_SIZE else [side_of(name), 2 * side_of(name)]


def pixels(side: int, pictures: int = 2) -> Tensor:
    return torch.randn(pictures, 3, side, side, generator=torch.Generator().manual_seed(1))


def opened(folder: Path, deepest: int, side: int = SIDE, **given: Any) -> Tower:
    vision = Vision(tower=str(folder), image_size=side, **given)
    facts = describe(vision.tower, None, vision.prefix_tokens, vision.patch)
    return load_tower(vision, facts, deepest)


def asked(name: str, shown: Tensor) -> dict[str, Any]:
    """What the family's own documentation asks for, in words of its own."""
    B, C, S, _ = shown.shape
    G = S // PATCH
    if name in ("siglip2", "siglip2_vision_model"):
        cut = F.unfold(shown, PATCH, stride=PATCH).reshape(B, C, PATCH, PATCH, G * G).permute(0, 4, 2, 3, 1)
        return {
            "pixel_values": cut.reshape(B, G * G, -1),
            "pixel_attention_mask": torch.ones(B, G * G, dtype=torch.int32),
            "spatial_shapes": torch.tensor([[G, G]] * B),
        }
    if name == "vit_mae":
        return {
            "pixel_values": shown,
            "noise": torch.linspace(0, 1, G * G).repeat(B, 1),
            "interpolate_pos_encoding": S != SIDE,
        }
    interpolates = {
        "clip", "clip_vision_model", "siglip", "siglip_vision_model", "vit", "vit_msn", "deit", "ijepa", "altclip",
        "metaclip_2", "chinese_clip", "chinese_clip_vision_model",
    }  # fmt: skip
    more = {"interpolate_pos_encoding": S != SIDE} if name in interpolates else {}
    return {"pixel_values": shown} | more


def whole(folder: Path, name: str) -> nn.Module:
    """The model as transformers loads it, uncut, without anything of ours."""
    model = AutoModel.from_pretrained(folder).eval()
    if name == "vit_mae":
        model.config.mask_ratio = 0.0
    return model.vision_model if name in ALONE or name in WITHIN else model


@torch.inference_mode()
def own_states(folder: Path, name: str, shown: Tensor) -> tuple[Tensor, ...]:
    states = whole(folder, name)(**asked(name, shown), output_hidden_states=True).hidden_states
    if name not in STAGES:
        return tuple(states)
    G = shown.shape[-1] // 32
    grids = [F.interpolate(state, size=(G, G), mode="bilinear", align_corners=False) for state in states]
    return tuple(grid.permute(0, 2, 3, 1).flatten(1, 2) for grid in grids)


@pytest.mark.parametrize("name", EVERY)
def test_facts(folder: Path, name: str) -> None:
    facts = describe(str(folder))
    assert (facts.family, facts.name) == (name, str(folder))
    assert outline(str(folder)).model_copy(update={"digest": facts.digest, "revision": facts.revision}) == facts
    assert depth_of(str(folder)) == facts.depth
    assert facts.only_size == (SIDE if name in ONE_SIZE else None)
    if name in STAGES:
        assert (facts.depth, facts.widths, facts.width) == (4, WIDTHS, WIDTHS[-1])
        assert (facts.patch, facts.stride, facts.prefix_tokens, facts.has_class_token) == (32, 32, 0, False)
        return
    assert (facts.depth, facts.width, facts.patch, facts.widths, facts.stride) == (DEPTH, WIDTH, PATCH, (), None)
    assert (facts.prefix_tokens, facts.has_class_token) == TOKENS[name]


@pytest.mark.parametrize("name", EVERY)
def test_hidden_states_are_the_models_own(folder: Path, name: str) -> None:
    """Bit for bit those of the whole model, for every depth of the cut and for two sizes of pictures."""
    facts, encoder = describe(str(folder)), load_encoder(str(folder))
    for side in sizes_of(name):
        shown = pixels(side)
        expected = own_states(folder, name, shown)
        for deepest in range(1, facts.depth + 1):
            tower = Tower(copy.deepcopy(encoder), facts)
            tower.cut(deepest)
            assert tower.blocks is not None and len(tower.blocks) == deepest
            found = tower.hidden_states(shown)
            assert len(found) == deepest + 1
            for k in range(deepest + 1):
                assert torch.equal(found[k], expected[k]), f"{side} pixels, layer {k} of {deepest}"
            grid = (side // facts.patch) ** 2
            assert found[deepest].shape == (2, facts.prefix_tokens + grid, facts.width_of(deepest))
            assert not torch.allclose(found[deepest][:, :, :3], found[deepest - 1][:, :, :3], atol=1e-3)


@pytest.mark.parametrize("name", EVERY)
def test_a_layer_is_the_output_of_a_block(folder: Path, name: str) -> None:
    """By hooks on the blocks, which know nothing of hidden_states."""
    facts = describe(str(folder))
    tower = opened(folder, facts.depth, side_of(name))
    seen: list[Tensor] = []
    assert tower.blocks is not None
    for block in tower.blocks:
        block.register_forward_hook(lambda _, __, out: seen.append(out[0] if isinstance(out, tuple) else out))
    states = tower.hidden_states(pixels(side_of(name)))
    assert len(seen) == facts.depth
    for k, (state, output) in enumerate(zip(states[1:], seen, strict=True), start=1):
        if name in STAGES:
            grid = side_of(name) // facts.patch
            output = F.interpolate(output, (grid, grid), mode="bilinear").flatten(2).transpose(1, 2)
        assert torch.equal(state, output), f"layer {k}"


@pytest.mark.parametrize("name", EVERY)
def test_patches_are_in_the_places_of_the_picture(folder: Path, name: str) -> None:
    """A change in one square of the picture changes the embedding of its patch alone, of all that are patches."""
    side, facts = side_of(name), describe(str(folder))
    tower = opened(folder, 1, side)
    plain = pixels(side, 1)
    marked = plain.clone()
    at, grid = facts.patch, side // facts.patch
    row, column = grid - 1, 0
    marked[:, :, row * at : (row + 1) * at, column * at : (column + 1) * at] += 3.0
    a, b = (tower.patches(tower.hidden_states(shown)[0]) for shown in (plain, marked))
    assert a.shape[1] == grid**2
    changed = (a - b).abs().amax(dim=(0, 2)) > 1e-4
    assert changed.nonzero().flatten().tolist() == [row * grid + column]


@pytest.mark.parametrize("pool", [1, 2])
@pytest.mark.parametrize("features", ["patch", "cls_patch"])
@pytest.mark.parametrize("name", EVERY)
def test_features(folder: Path, name: str, features: Any, pool: int) -> None:
    side = side_of(name)
    tower = opened(folder, 1, side)
    vision = Vision(tower=str(folder), image_size=side, features=features, pool=pool, normalize=False)
    state = tower.hidden_states(pixels(side))[1]
    if features == "cls_patch" and not tower.facts.has_class_token:
        with pytest.raises(ConfigurationError, match="has no class token; use patch"):
            features_of(tower, state, vision)
        with pytest.raises(ConfigurationError, match="has no class token; use patch"):
            tower.facts.tokens(side, pool, features)
        return
    found = features_of(tower, state, vision)
    assert found.shape == (2, tower.facts.tokens(side, pool, features), tower.facts.width_of(1))
    if features == "cls_patch":
        assert torch.equal(found[:, 0], state[:, 0])
    if pool == 1:
        assert torch.equal(found[:, int(features == "cls_patch") :], state[:, tower.facts.prefix_tokens :])


@pytest.mark.parametrize("name", ONE_SIZE)
def test_one_size(folder: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"^vision.image_size=64: .* set vision.image_size={SIDE}$"):
        describe(str(folder)).tokens(64, 1, "patch")
    assert describe(str(folder)).tokens(SIDE, 1, "patch") == 16
    with pytest.raises(ConfigurationError, match=r"no multiple of 24 .*; choose another vision.pool or tower$"):
        describe(str(folder)).tokens(SIDE, 3, "patch")


def test_a_family_that_takes_any_size_in_some_models(tmp_path: Path) -> None:
    folder = save_small_model("aimv2_vision_model", tmp_path, is_native=True)
    assert describe(str(folder)).only_size is None
    assert opened(folder, 2, BIG).hidden_states(pixels(BIG))[2].shape == (2, 64, WIDTH)


def test_an_mae_sees_every_patch_in_its_place(folder_of: Folder) -> None:
    """Its layers are those of a ViT with the same weights, which knows no masks."""
    from transformers import ViTConfig, ViTModel

    tower = opened(folder_of("vit_mae"), DEPTH)
    raw = json.loads((folder_of("vit_mae") / "config.json").read_text())
    vit = ViTModel(ViTConfig(**{key: raw[key] for key in vars(ViTConfig()) if key in raw}), add_pooling_layer=False)
    vit.load_state_dict(tower.encoder.state_dict())
    vit.eval()
    for side in (SIDE, BIG):
        shown = pixels(side)
        with torch.inference_mode():
            expected = vit(shown, output_hidden_states=True, interpolate_pos_encoding=True).hidden_states
        for found, state in zip(tower.hidden_states(shown), expected, strict=True):
            assert torch.equal(found, state)
            assert torch.equal(found, tower.hidden_states(shown)[0]) or state is not expected[0]


def test_a_whole_mae_with_its_decoder_is_read(tmp_path: Path) -> None:
    from small_vision_models import small_config
    from transformers import ViTMAEForPreTraining

    decoder = {"decoder_num_hidden_layers": 1, "decoder_hidden_size": 16, "decoder_num_attention_heads": 2}
    model = ViTMAEForPreTraining(small_config("vit_mae", **decoder))
    model.save_pretrained(tmp_path)
    weights = load_encoder(str(tmp_path)).state_dict()
    assert all(torch.equal(value, model.vit.state_dict()[name]) for name, value in weights.items())


@pytest.mark.parametrize("patch", [16, 64])
def test_stages_on_another_grid(folder_of: Folder, patch: int) -> None:
    """`vision.patch` says what one image token of a tower in stages stands for."""
    tower = opened(folder_of("convnext"), 4, BIG, patch=patch)
    assert tower.facts.tokens(BIG, 1, "patch") == (BIG // patch) ** 2
    with torch.inference_mode():
        own = whole(folder_of("convnext"), "convnext")(pixels(BIG), output_hidden_states=True).hidden_states
    for k, state in enumerate(tower.hidden_states(pixels(BIG))[1:], start=1):
        grid = F.interpolate(own[k], size=(BIG // patch,) * 2, mode="bilinear", align_corners=False)
        assert torch.equal(state, grid.flatten(2).transpose(1, 2))


def test_stages_must_fit_the_picture(folder_of: Folder) -> None:
    facts = describe(str(folder_of("convnext")), None, None, 14)
    assert facts.tokens(224, 1, "patch") == 256
    with pytest.raises(
        ConfigurationError, match=r"no multiple of 224 \(patch 14 .* and stages that end at 32 pixels\)"
    ):
        facts.tokens(336, 1, "patch")
    assert [facts.width_of(layer) for layer in (1, 2)] == [8, 16]


@pytest.mark.parametrize("name", FAMILIES)
def test_what_a_configuration_leaves_out_is_transformers_default(name: str) -> None:
    own, family = CONFIG_MAPPING[name](), FAMILIES[name]
    silent = Numbers("t", name, {})
    if family.widths:
        assert silent.widths(family) == tuple(own.hidden_sizes) and silent.patch(family) == getattr(
            own, "patch_size", 4
        )
        return
    patch = own.patch_size if isinstance(own.patch_size, int) else own.patch_size[0]
    assert (silent.depth(family), silent.width(family)) == (own.num_hidden_layers, own.hidden_size)
    assert silent.patch(family) == patch
    if name != "siglip2_vision_model":  # takes any size, and its configuration names none
        size = own.image_size if isinstance(own.image_size, int) else own.image_size[0]
        assert family.size == size
    if family.counted is not None:
        assert family.counted[1] == getattr(own, family.counted[0])


@pytest.mark.parametrize("name", EVERY)
def test_pictures_have_the_processors_colours(folder: Path, name: str) -> None:
    from PIL import Image

    shown = PictureProcessor(str(folder), SIDE, "stretch")([Image.new("RGB", (50, 40), (255, 0, 51))])
    expected = [(part - m) / s for part, m, s in zip((1.0, 0.0, 0.2), IMAGE_MEAN, IMAGE_STD, strict=True)]
    torch.testing.assert_close(shown[0, :, 5, 5], torch.tensor(expected), atol=1e-5, rtol=1e-5)


def test_the_last_layer_is_taken_before_the_last_norm(tmp_path: Path) -> None:
    """A configuration may ask for the normed one in its place, as language models have it."""
    folder = save_small_model("vit", tmp_path)
    before = opened(folder, DEPTH).hidden_states(pixels(SIDE))[DEPTH]
    raw = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(raw | {"tie_last_hidden_states": True}))
    assert not torch.allclose(own_states(folder, "vit", pixels(SIDE))[DEPTH], before, atol=1e-2)
    assert torch.equal(opened(folder, DEPTH).hidden_states(pixels(SIDE))[DEPTH], before)


def test_every_refused_family_is_one_of_transformers() -> None:
    assert set(REFUSED) <= set(CONFIG_MAPPING) and set(FAMILIES) <= set(CONFIG_MAPPING)


def test_old_documents_have_the_class_token_alone() -> None:
    raw = {"name": "t", "family": "clip", "depth": 2, "width": 3, "patch": 4, "digest": "x"}
    for has in (True, False):
        assert TowerFacts.model_validate(raw | {"has_class_token": has}).prefix_tokens == int(has)


def test_the_page_says_the_same() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "write it anew: python tests/vision_families_page.py"
