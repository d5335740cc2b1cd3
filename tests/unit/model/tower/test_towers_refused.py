"""Models that cannot be towers, or only with what an experiment says of them: one clear message each."""

import json
import logging
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from model_folders import change_json, language_folder
from small_vision_models import DEPTH, PATCH, SIDE, save_small_model
from torch import nn
from transformers import BitImageProcessorPil, DPTConfig, DPTModel, SwinConfig, SwinModel

from shallowsight.errors import ConfigurationError
from shallowsight.model.tower import loading
from shallowsight.model.tower.facts import depth_of, describe
from shallowsight.model.tower.families import REFUSED
from shallowsight.model.tower.loading import load_tower
from shallowsight.model.tower.pictures import PictureProcessor
from shallowsight.model.tower.tower import Tower
from shallowsight.study.experiment import Vision

SIZES: dict[str, Any] = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": DEPTH, "num_attention_heads": 2,
    "image_size": SIDE, "patch_size": PATCH,
}  # fmt: skip


@pytest.fixture(scope="module")
def unknown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DPT, which is not in the table: a vision transformer with one class token."""
    folder = tmp_path_factory.mktemp("dpt")
    torch.manual_seed(0)
    DPTModel(DPTConfig(**SIZES, backbone_out_indices=[0, 1, 2], neck_hidden_sizes=[8, 8, 8])).save_pretrained(folder)
    BitImageProcessorPil().save_pretrained(folder)
    return folder


def opened(folder: Path, deepest: int, **given: Any) -> Tower:
    vision = Vision(tower=str(folder), image_size=SIDE, **given)
    return load_tower(vision, describe(vision.tower, None, vision.prefix_tokens, vision.patch), deepest)


def test_an_unknown_family_with_what_is_said_of_it(unknown: Path) -> None:
    shown = torch.randn(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected = DPTModel.from_pretrained(unknown).eval()(shown, output_hidden_states=True).hidden_states
    tower = opened(unknown, 2, prefix_tokens=1)
    assert tower.blocks is not None and len(tower.blocks) == 2
    for found, state in zip(tower.hidden_states(shown), expected, strict=False):
        assert torch.equal(found, state)
    assert tower.patches(expected[1]).shape == (2, (SIDE // PATCH) ** 2, 32)
    assert (tower.facts.family, tower.facts.has_class_token, depth_of(str(unknown))) == ("dpt", True, DEPTH)


def test_an_unknown_family_must_be_spoken_of(unknown: Path) -> None:
    with pytest.raises(ConfigurationError) as refused:
        describe(str(unknown))
    assert str(refused.value) == (
        "vision.prefix_tokens: how many tokens stand before the patches in hidden_states of a 'dpt' model? set "
        "vision.prefix_tokens=5, for instance, for a class token and four registers, or vision.prefix_tokens=0 for none"
    )


def test_a_wrong_number_of_tokens_is_found_at_once(unknown: Path) -> None:
    with pytest.raises(
        ConfigurationError,
        match=r"gives hidden states \(1, 17, 32\) at layer 1 for one picture of 32 pixels; expected are \(1, 21, 32\): "
        r"5 tokens .*; if it has 1 token before the patches, set vision.prefix_tokens=1$",
    ):
        opened(unknown, 2, prefix_tokens=5)


def test_an_unknown_family_takes_its_trained_size(unknown: Path) -> None:
    with pytest.raises(ConfigurationError, match=rf"takes the size of its training only; set vision.image_size={SIDE}"):
        describe(str(unknown), None, 1).tokens(2 * SIDE, 1, "patch")


@pytest.fixture
def spoilt(unknown: Path, tmp_path: Path) -> Path:
    """A copy of the unknown one, to be spoilt."""
    return Path(shutil.copytree(unknown, tmp_path / "dpt"))


def test_a_patch_that_is_not_in_the_configuration(spoilt: Path) -> None:
    change_json(spoilt / "config.json", patch_size=None)
    with pytest.raises(ConfigurationError, match=r"^vision.patch: how many pixels wide is a patch of a 'dpt' model\? "):
        describe(str(spoilt), None, 1)
    assert describe(str(spoilt), None, 1, 8).patch == 8


@pytest.mark.parametrize("key", ["num_hidden_layers", "hidden_size"])
def test_a_number_that_only_the_configuration_can_say(spoilt: Path, key: str) -> None:
    change_json(spoilt / "config.json", **{key: None})
    with pytest.raises(ConfigurationError, match=rf"a 'dpt' model, has no whole number {key}; only a model that says"):
        describe(str(spoilt), None, 1)


def test_a_configuration_that_says_another_depth(unknown: Path) -> None:
    facts = describe(str(unknown), None, 1).model_copy(update={"depth": 5})
    with pytest.raises(ConfigurationError, match=r"gives 4 hidden states, but its config.json says 5 layers: 6 are"):
        load_tower(Vision(tower=str(unknown), image_size=SIDE), facts, 2)


class Silent(nn.Module):
    """A model without hidden states."""

    def forward(self, pixel_values: torch.Tensor, output_hidden_states: bool) -> Any:
        return SimpleNamespace(hidden_states=None)


class Reader(nn.Module):
    """A model that takes something else than pixels."""

    def forward(self, input_ids: torch.Tensor) -> None:
        raise AssertionError("never called")


@pytest.mark.parametrize(
    ("model", "says"),
    [
        pytest.param(Silent(), "^vision.tower: a 'dpt' model gives no hidden states$", id="none"),
        pytest.param(
            Reader(),
            "^vision.tower: .*, a 'dpt' model, gives no hidden states for a picture of 32 pixels: TypeError: .*; name "
            "a vision model that takes pixel_values alone$",
            id="no pixels",
        ),
    ],
)
def test_a_model_without_hidden_states(
    unknown: Path, model: nn.Module, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "load_encoder", lambda *_: model)
    with pytest.raises(ConfigurationError, match=says):
        load_tower(Vision(tower=str(unknown), image_size=SIDE), describe(str(unknown), None, 1), 1)


def test_layers_that_are_not_found_are_left(
    unknown: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A list of as many modules beside the layers: which of both they are is not known."""
    whole = loading.load_encoder(str(unknown))
    whole.other = nn.ModuleList(nn.Identity() for _ in range(DEPTH))
    monkeypatch.setattr(loading, "load_encoder", lambda *_: whole)
    with caplog.at_level(logging.INFO):
        tower = load_tower(Vision(tower=str(unknown), image_size=SIDE), describe(str(unknown), None, 1), 1)
    assert tower.blocks is None and tower.cut(1) == []
    assert len(tower.hidden_states(torch.zeros(1, 3, SIDE, SIDE))) == DEPTH + 1
    assert "runs whole: its layers above 1 cannot be removed" in caplog.text


def test_layers_whose_removal_changes_others_are_put_back(unknown: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model of an unknown family may do something else than run its layers one after the other."""
    whole, facts = loading.load_encoder(str(unknown)), describe(str(unknown), None, 1)
    layers = Tower(whole, facts).blocks
    assert layers is not None

    def count_layers(_: nn.Module, __: object, output: Any) -> Any:
        output.last_hidden_states = output.last_hidden_states * len(layers)
        return output

    embeddings = whole.get_submodule("embeddings")
    embeddings.register_forward_hook(count_layers)
    monkeypatch.setattr(loading, "load_encoder", lambda *_: whole)
    tower = load_tower(Vision(tower=str(unknown), image_size=SIDE), facts, 1)
    assert tower.blocks is not None and len(tower.blocks) == DEPTH


@pytest.mark.parametrize(("key", "value"), [("prefix_tokens", 2), ("patch", 4)])
def test_a_known_family_is_not_contradicted(tmp_path: Path, key: str, value: int) -> None:
    folder = save_small_model("vit", tmp_path)
    known = {"prefix_tokens": 1, "patch": PATCH}
    assert describe(str(folder), **known) == describe(str(folder))
    with pytest.raises(
        ConfigurationError, match=rf"^vision.{key}={value}, but this 'vit' model has {known[key]}; leave"
    ):
        describe(str(folder), **(known | {key: value}))
    with pytest.raises(ConfigurationError, match=rf"^vision.{key}={value}, but this 'dinov2' model has"):
        describe("embedded:dinov2-small", **{key: value})


def folder_with(folder: Path, **config: Any) -> Path:
    language_folder(folder)  # weights of no use, which are not read
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("config", "says"),
    [
        pytest.param(
            {"model_type": "llama", "hidden_size": 3, "num_hidden_layers": 2},
            r"is a 'llama' model, whose config.json says nothing of pictures \(no image_size, no patch_size\); name a",
            id="text",
        ),
        pytest.param(
            {"model_type": "llava", "vision_config": {"model_type": "clip_vision_model"}},
            r"is a 'llava' model, of several parts; save its vision model alone with save_pretrained",
            id="several parts",
        ),
        pytest.param(
            {"model_type": "vit", "patch_size": [16, 8]},
            r"says patch_size=\[16, 8\]; towers take square",
            id="not square",
        ),
        *(
            pytest.param({"model_type": name}, f"is a '{name}' model, which cannot be a tower: ", id=name)
            for name in REFUSED
        ),
    ],
)
def test_models_that_are_no_towers(tmp_path: Path, config: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        describe(str(folder_with(tmp_path / "model", **config)))


def test_refused_hierarchies_would_be_found_anyway(tmp_path: Path) -> None:
    """Why Swin is refused: its states say neither one grid nor one width."""
    torch.manual_seed(0)
    swin = SwinModel(
        SwinConfig(image_size=32, patch_size=4, embed_dim=8, depths=[1, 1], num_heads=[1, 1], window_size=4)
    )
    states = swin(torch.zeros(1, 3, 32, 32), output_hidden_states=True).hidden_states
    assert [tuple(state.shape[1:]) for state in states] == [(64, 8), (16, 16), (16, 16)]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        pytest.param({"image_mean": [0.5] * 3, "image_std": [0.5] * 3}, 1.0, id="as usual"),
        pytest.param({"image_mean": [0.5] * 3, "image_std": [0.5] * 3, "rescale_factor": 1 / 127.5}, 3.0, id="factor"),
        pytest.param({"image_mean": [0.5] * 3, "image_std": [0.5] * 3, "do_rescale": False}, 509.0, id="bytes"),
        pytest.param({"do_normalize": False}, 1.0, id="no mean"),
    ],
)
def test_colours_as_the_processor_says(tmp_path: Path, said: dict[str, Any], expected: float) -> None:
    """White, 255 in bytes."""
    from PIL import Image

    folder = save_small_model("vit", tmp_path)
    raw = {"image_processor_type": "ViTImageProcessor"} | said
    (folder / "preprocessor_config.json").write_text(json.dumps(raw))
    shown = PictureProcessor(str(folder), SIDE, "pad")([Image.new("RGB", (9, 5), (255, 255, 255))])
    torch.testing.assert_close(shown[0, :, 16, 16], torch.full((3,), expected), atol=1e-4, rtol=1e-5)


def test_a_processor_that_only_torchvision_can_make(tmp_path: Path) -> None:
    """DINOv3's: what its file says is enough."""
    from PIL import Image

    folder = save_small_model("dinov3_vit", tmp_path)
    raw = {"image_processor_type": "DINOv3ViTImageProcessorFast", "image_mean": [0.25] * 3, "image_std": [0.5] * 3}
    (folder / "preprocessor_config.json").write_text(json.dumps(raw))
    shown = PictureProcessor(str(folder), SIDE, "stretch")([Image.new("RGB", (9, 5), (255, 255, 255))])
    torch.testing.assert_close(shown[0, :, 16, 16], torch.full((3,), 1.5))


@pytest.mark.parametrize("said", [{}, {"image_mean": [0.5], "image_std": [0.5]}, {"image_mean": [0.5] * 3}])
def test_a_processor_that_does_not_say_how(tmp_path: Path, said: dict[str, Any]) -> None:
    folder = save_small_model("dinov3_vit", tmp_path)
    (folder / "preprocessor_config.json").write_text(
        json.dumps({"image_processor_type": "DINOv3ViTImageProcessorFast"} | said)
    )
    with pytest.raises(ConfigurationError, match="does not say how the colours of a picture are scaled") as refused:
        PictureProcessor(str(folder), SIDE, "stretch")
    assert "write image_mean and image_std" in str(refused.value)
