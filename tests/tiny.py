"""Tiny real things that every room may use: towers, a data set through the real gate, cached features."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from shallowsight.model.tower.facts import describe
from shallowsight.study.experiment import Experiment
from shallowsight.study.resolved import TowerFacts

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedTokenizerBase


SIDE = 28  # pixels: four patches
DEPTH = 4
COLOURS = {"red": (220, 30, 30), "green": (30, 200, 60), "blue": (40, 60, 230), "grey": (128, 128, 128)}
FAMILIES = ("clip", "siglip", "dinov2")


def _tower(family: str, depth: int) -> "nn.Module":
    import torch
    import transformers

    classes = {
        "clip": (transformers.CLIPVisionModel, transformers.CLIPVisionConfig),
        "siglip": (transformers.SiglipVisionModel, transformers.SiglipVisionConfig),
        "dinov2": (transformers.Dinov2Model, transformers.Dinov2Config),
    }
    model, config = classes[family]
    torch.manual_seed(0)
    made: nn.Module = model(
        config(
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=depth,
            num_attention_heads=2,
            image_size=SIDE,
            patch_size=14,
        )
    ).eval()
    # A fresh CLIP barely tells its layers apart; larger weights make every block count.
    with torch.no_grad():
        for parameter in made.parameters():
            if parameter.ndim > 1:
                parameter.mul_(3.0)
    return made


@pytest.fixture(scope="session")
def make_tower() -> Callable[[str, int], "nn.Module"]:
    """A random-weight tower of a family and a depth; equal calls give equal weights."""
    return _tower


def tower_facts(family: str, depth: int = DEPTH) -> TowerFacts:
    """Of the model that `make_tower` makes."""
    has = family != "siglip"
    return TowerFacts(
        name=family, family=family, depth=depth, width=32, patch=14, has_class_token=has, prefix_tokens=has, digest="x"
    )


def save_tower(family: str, folder: Path, depth: int = DEPTH) -> Path:
    from transformers import CLIPImageProcessorPil

    _tower(family, depth).save_pretrained(folder)  # type: ignore[operator]
    CLIPImageProcessorPil(size={"height": SIDE, "width": SIDE}).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def towers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Family -> a folder as `save_pretrained` leaves it."""
    root = tmp_path_factory.mktemp("towers")
    return {family: save_tower(family, root / family) for family in FAMILIES}


@pytest.fixture(scope="session")
def facts(towers: dict[str, Path]) -> TowerFacts:
    """Of the CLIP."""
    return describe(str(towers["clip"]))


@pytest.fixture(scope="session")
def small(towers: dict[str, Path]) -> Callable[..., Experiment]:
    """An experiment of four layers of width 32; keywords are dotted keys with `__` for the dot."""

    def make(**changes: Any) -> Experiment:
        stage = {"learning_rate": 1e-2, "global_batch": 4, "updates": 4, "warmup": 0.25}
        raw: dict[str, Any] = {
            "name": "small",
            "vision": {"tower": str(towers["clip"]), "layers": "2", "image_size": SIDE, "pool": 1},
            "connector": {"kind": "linear"},
            "language": {"width": 32, "depth": 2, "heads": 2, "vocabulary": 300, "max_length": 96},
            "data": {"finetune": ["scenes"], "pretrain": [], "test": ["scenes"]},
            "pretrain": stage | {"template": "plain"},
            "finetune": stage,
            "benchmarks": ["own"],
        }
        for key, value in changes.items():
            *parts, last = key.split("__")
            place = raw
            for part in parts:
                place = place.setdefault(part, {})
            place[last] = value
        return Experiment.model_validate(raw)

    return make


def tower_of_width(width: int) -> TowerFacts:
    """Facts of a made-up tower, for models that are given made-up features."""
    return TowerFacts(
        name="made up", family="clip", depth=DEPTH, width=width, patch=14, has_class_token=True, digest="0"
    )


def write_pictures(folder: Path, count: int, first: int = 0) -> list[dict[str, Any]]:
    """Pictures of one colour with noise, and two-question records about them."""
    import numpy as np
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    records = []
    for number in range(first, first + count):
        colour = list(COLOURS)[number % len(COLOURS)]
        random = np.random.default_rng(number)
        pixels = np.clip(np.array(COLOURS[colour]) + random.integers(-40, 40, (SIDE, SIDE, 3)), 0, 255)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number}.png")
        talk = [("human", "<image>\nWhich colour?"), ("gpt", colour), ("human", "Sure?"), ("gpt", f"yes, {colour}")]
        records.append(
            {
                "id": f"r{number}",
                "image": f"{number}.png",
                "conversations": [{"from": who, "value": said} for who, said in talk],
                "tasks": ["colour", "sure"],
            }
        )
    return records


@dataclass(frozen=True)
class Prepared:
    """A prepare cell's folder, made by the real step from a user's JSON, and what it was made of."""

    folder: Path
    experiment: Experiment
    files: Path  # train.json, test.json and images/


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory, small: Callable[..., Experiment]) -> Prepared:
    from shallowsight.data.prepare import prepare

    files = tmp_path_factory.mktemp("files")
    train, test = write_pictures(files / "images", 10), write_pictures(files / "images", 4, first=10)
    talk = [{"from": "human", "value": "Say hello."}, {"from": "gpt", "value": "hello"}]
    train.insert(3, {"id": "text only", "conversations": talk})
    (files / "train.json").write_text(json.dumps(train), encoding="utf-8")
    (files / "test.json").write_text(json.dumps(test), encoding="utf-8")
    experiment = small(
        data__finetune=[str(files / "train.json")],
        data__test=[str(files / "test.json")],
        data__images=str(files / "images"),
    )
    out, work = tmp_path_factory.mktemp("prepared"), tmp_path_factory.mktemp("work")
    prepare(experiment, out, work, work / "validation", None, lambda *_: None)
    return Prepared(out, experiment, files)


@pytest.fixture(scope="session")
def tokenizer(prepared: Prepared) -> "PreTrainedTokenizerBase":
    from shallowsight.model.language.language import load_tokenizer

    return load_tokenizer(str(prepared.folder / "tokenizer"))


@pytest.fixture(scope="session")
def cached(prepared: Prepared, facts: TowerFacts, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Layer -> its cached features of all pictures of `prepared`."""
    from shallowsight.data.shards import Shards
    from shallowsight.model.encode import Encoder, PictureEncoder, encode_layers

    folders = {layer: tmp_path_factory.mktemp(f"layer-{layer}") for layer in range(1, DEPTH + 1)}
    shards = Shards(prepared.folder)
    encoder = Encoder(PictureEncoder(prepared.experiment.vision, facts, DEPTH, "stretch"), shards)
    encode_layers(encoder, list(shards.keys()), folders, 4, facts.width_of, lambda *_: None)
    return folders
