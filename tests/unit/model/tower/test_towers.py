"""What is known of a tower before it is loaded, and every way to name one wrongly."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shallowsight.errors import ConfigurationError
from shallowsight.model.files import model_files
from shallowsight.model.tower.facts import NOT_READ, describe, outline
from shallowsight.model.tower.loading import load_encoder
from shallowsight.store.digest import file_sha256
from shallowsight.study.experiment import EMBEDDED_TOWER
from shallowsight.study.resolved import TowerFacts

HAS_CLASS_TOKEN = {"clip": True, "siglip": False, "dinov2": True}


def test_the_embedded_tower() -> None:
    facts = describe(EMBEDDED_TOWER)
    assert (facts.family, facts.depth, facts.width, facts.patch, facts.has_class_token) == ("dinov2", 12, 384, 14, True)
    assert facts.digest.startswith("sha256:") and len(facts.digest) == 7 + 64


@pytest.mark.parametrize("family", HAS_CLASS_TOKEN)
def test_a_folder(towers: dict[str, Path], family: str) -> None:
    facts = describe(str(towers[family]))
    assert (facts.depth, facts.width, facts.patch) == (4, 32, 14)
    assert facts.has_class_token is HAS_CLASS_TOKEN[family] and facts.family.startswith(family)
    assert facts.name == str(towers[family])


@pytest.mark.parametrize("family", HAS_CLASS_TOKEN)
def test_a_folder_is_loaded_with_its_weights(
    towers: dict[str, Path], family: str, make_tower: Callable[..., Any]
) -> None:
    import torch

    loaded, expected = load_encoder(str(towers[family])), make_tower(family, 4)
    assert type(loaded) is type(expected)
    weights = loaded.state_dict()
    assert all(torch.equal(weights[name], value) for name, value in expected.state_dict().items())
    assert {p.dtype for p in loaded.parameters()} == {torch.float32}


@pytest.mark.parametrize("family", ["clip", "siglip"])
def test_a_folder_of_picture_and_text_model(tmp_path: Path, family: str) -> None:
    import torch
    import transformers as t

    both, config, alone = {
        "clip": (t.CLIPModel, t.CLIPConfig, t.CLIPVisionModel),
        "siglip": (t.SiglipModel, t.SiglipConfig, t.SiglipVisionModel),
    }[family]
    small = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 3, "num_attention_heads": 2}
    vision = small | {"image_size": 28, "patch_size": 14}
    torch.manual_seed(0)
    model = both(config(text_config=small | {"vocab_size": 50}, vision_config=vision))
    model.save_pretrained(tmp_path)
    t.CLIPImageProcessorPil().save_pretrained(tmp_path)
    facts = describe(str(tmp_path))
    assert (facts.family, facts.depth, facts.width, facts.patch) == (family, 3, 32, 14)
    assert facts.has_class_token is HAS_CLASS_TOKEN[family]
    loaded = load_encoder(str(tmp_path))
    assert isinstance(loaded, alone)
    whole = model.vision_model.state_dict()
    assert all(torch.equal(value, whole[name]) for name, value in loaded.state_dict().items())


def edit(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    raw = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    change(raw)
    (folder / "config.json").write_text(json.dumps(raw), encoding="utf-8")


@pytest.fixture
def folder(towers: dict[str, Path], tmp_path: Path) -> Path:
    """A copy of the CLIP, to be spoilt."""
    return Path(shutil.copytree(towers["clip"], tmp_path / "tower"))


def test_digests_are_of_weights_and_configuration(towers: dict[str, Path], folder: Path) -> None:
    before = describe(str(towers["clip"])).digest
    assert describe(str(folder)).digest == before, "the path is in it"
    weights = folder / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    changed = describe(str(folder)).digest
    edit(folder, lambda raw: raw.update(layer_norm_eps=0.5))
    other = describe(str(folder)).digest
    (folder / "tokenizer.json").write_text("{}")
    whole = describe(str(folder)).digest
    (folder / "tokenizer.json").rename(folder / "vocab.json")
    assert len({before, changed, other, whole, describe(str(folder)).digest}) == 5
    (folder / "vocab.json").unlink()
    (folder / "notes.md").write_text("not loaded")
    assert describe(str(folder)).digest == other


def test_a_folder_is_loaded_as_it_was_pinned(folder: Path) -> None:
    began = describe(str(folder))
    assert began.in_a_folder and began.revision == began.digest
    load_encoder(str(folder), began.revision)
    edit(folder, lambda raw: raw.update(layer_norm_eps=0.5))
    with pytest.raises(
        ConfigurationError, match=r"vision.tower: the model '.*/tower' changed after the study began; run"
    ):
        load_encoder(str(folder), began.revision)
    shutil.rmtree(folder)
    with pytest.raises(
        ConfigurationError, match=r"the folder '.*/tower', which held the model when the study began, is missing"
    ):
        load_encoder(str(folder), began.revision)


def test_weights_are_read_once_for_each_state_of_them(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def watch(path: Path) -> str:
        read.append(path.name)
        return file_sha256(path)

    monkeypatch.setattr(model_files, "file_sha256", watch)
    began = describe(str(folder))
    assert sorted(read) == ["config.json", "model.safetensors", "preprocessor_config.json"]
    load_encoder(str(folder), began.revision)
    assert len(read) == 3
    os.utime(folder / "model.safetensors", (1, 1))
    assert describe(str(folder)).digest == began.digest and read[3:] == ["model.safetensors"]


def test_an_outline_reads_no_weights(folder: Path) -> None:
    whole = describe(str(folder))
    (folder / "model.safetensors").unlink()
    assert outline(str(folder)) == whole.model_copy(update={"digest": NOT_READ, "revision": NOT_READ})
    assert outline(EMBEDDED_TOWER) == describe(EMBEDDED_TOWER)
    with pytest.raises(ConfigurationError, match="no tower 'embedded:clip'"):
        outline("embedded:clip")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        pytest.param(lambda f: (f / "config.json").unlink(), "no .*config.json; save the model there", id="no config"),
        pytest.param(lambda f: (f / "config.json").write_text("{"), "config.json is not JSON: ", id="broken config"),
        pytest.param(
            lambda f: (f / "model.safetensors").unlink(),
            "no .safetensors file in .*; save it with save_pretrained",
            id="no weights",
        ),
        pytest.param(
            lambda f: edit(f, lambda raw: raw.update(model_type="swin")),
            "is a 'swin' model, which cannot be a tower: its layers have grids of different sizes",
            id="another family",
        ),
    ],
)
def test_a_folder_is_refused(folder: Path, spoil: Callable[[Path], object], message: str) -> None:
    spoil(folder)
    with pytest.raises(ConfigurationError, match=message):
        describe(str(folder))


@pytest.mark.parametrize("model_type", ["clip", "clip_vision_model", "siglip", "siglip_vision_model", "dinov2"])
def test_what_a_configuration_leaves_out_is_the_familys_default(folder: Path, model_type: str) -> None:
    """As google/siglip-base-patch16-224 does, whose vision_config names its type alone."""
    from transformers import AutoConfig

    raw = {"model_type": model_type} | ({"vision_config": {}} if model_type in {"clip", "siglip"} else {})
    (folder / "config.json").write_text(json.dumps(raw), encoding="utf-8")
    facts = describe(str(folder))
    own = AutoConfig.from_pretrained(folder)
    own = getattr(own, "vision_config", own)
    assert (facts.depth, facts.width, facts.patch) == (own.num_hidden_layers, own.hidden_size, own.patch_size)


@pytest.mark.parametrize(
    ("tower", "message"),
    [
        pytest.param("embedded:clip", f"no tower 'embedded:clip'; the embedded one is {EMBEDDED_TOWER}", id="embedded"),
        pytest.param("/gone", "no folder '/gone'; give a folder with config.json", id="absolute"),
        pytest.param("./gone", "no folder './gone'", id="relative"),
        pytest.param("gone", "no folder 'gone'", id="a word"),
        pytest.param("a/b/c", "no folder 'a/b/c'", id="too many parts"),
    ],
)
def test_names_that_are_none(tower: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        describe(tower)


FACTS = TowerFacts(name="t", family="clip", depth=24, width=1024, patch=14, has_class_token=True, digest="x")


@pytest.mark.parametrize(
    ("size", "pool", "features", "tokens"),
    [
        (336, 1, "patch", 576),
        (336, 1, "cls_patch", 577),
        (336, 2, "patch", 144),
        (28, 2, "cls_patch", 2),
        (14, 1, "patch", 1),
    ],
)
def test_tokens(size: int, pool: int, features: str, tokens: int) -> None:
    assert FACTS.tokens(size, pool, features) == tokens


@pytest.mark.parametrize(
    ("size", "pool", "nearest"), [(224 + 1, 1, 224), (224, 3, 210), (14, 2, 28), (1, 1, 14)], ids=str
)
def test_a_size_that_does_not_divide(size: int, pool: int, nearest: int) -> None:
    with pytest.raises(ConfigurationError) as refused:
        FACTS.tokens(size, pool, "patch")
    assert str(refused.value) == (
        f"vision.image_size={size} is no multiple of {14 * pool} (patch 14 of t x vision.pool {pool}); "
        f"the nearest that is: {nearest}"
    )
