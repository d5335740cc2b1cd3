"""Tiny real things that every room may use: towers, a data set through the real gate, a language model."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from shallowsight.model.tower.families import describe
from shallowsight.store.stage_task import StageTask
from shallowsight.study.experiment import Experiment
from shallowsight.study.resolved import Resolved, TowerFacts

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedTokenizerBase

    from shallowsight.study.resolved import Resolved
    from shallowsight.train.process_task import ProcessTask

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
    encode_layers(encoder, list(shards.keys()), folders, 4, facts.width, lambda *_: None)
    return folders


@pytest.fixture(scope="session")
def make_job(
    prepared: Prepared,
    facts: TowerFacts,
    cached: dict[int, Path],
    small: Callable[..., Experiment],
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[..., "ProcessTask"]:
    """A training stage on `prepared`; keywords are dotted keys of the experiment with `__` for the dot."""
    from shallowsight.train.process_task import ProcessTask

    def make(
        stage: str = "finetune", live: bool = False, start: Path | None = None, accumulation: int = 1, **changes: Any
    ) -> ProcessTask:
        experiment = small(**changes)
        return ProcessTask.model_validate(
            {
                "experiment": experiment,
                "tower": facts,
                "stage": stage,
                "data": prepared.folder,
                "feature_folders": None if live else tuple(cached[layer] for layer in experiment.vision.layers),
                "start": start,
                "out": tmp_path_factory.mktemp("out"),
                "work": tmp_path_factory.mktemp("work"),
                "accumulation": accumulation,
                "threads": 1,
            }
        )

    return make


def _resumable(
    make_job: Callable[..., "ProcessTask"], folder: Path, updates: int, live: bool, **changes: object
) -> "ProcessTask":
    (folder / "out").mkdir(parents=True)
    (folder / "work").mkdir()
    settings = {"finetune__updates": updates, "finetune__global_batch": 8, "finetune__warmup": 0.1} | changes
    places = {"out": folder / "out", "work": folder / "work", "states": f"file://{folder}/states"}
    return make_job("finetune", live=live, **settings).model_copy(update={**places, "save_seconds": 1e-9})


@pytest.fixture
def resumable(make_job: Callable[..., "ProcessTask"], tmp_path: Path) -> Callable[..., "ProcessTask"]:
    """A stage in a folder of its own that saves after every update, so that kills hit saves too."""

    def make(name: str, updates: int = 60, live: bool = False, **changes: object) -> "ProcessTask":
        return _resumable(make_job, tmp_path / name, updates, live, **changes)

    return make


@pytest.fixture(scope="session")
def calm(
    make_job: Callable[..., "ProcessTask"], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., "ProcessTask"]:
    """What `resumable` makes, trained by so many processes without any fault; equal calls train once."""
    from stage_runs import finish

    from shallowsight.train.stage import run_stage

    @cache
    def make(processes: int, updates: int = 60, live: bool = False, **changes: object) -> "ProcessTask":
        made = _resumable(make_job, tmp_path_factory.mktemp("calm") / "stage", updates, live, **changes)
        if processes == 1:
            run_stage(made, lambda *_: None)
        else:
            finish(made, processes)
        return made

    return make


@pytest.fixture
def resolved(prepared: Prepared, facts: TowerFacts) -> "Resolved":
    """A study of one setting on `prepared`, whose features are not cached."""
    from shallowsight.study.resolved import Resolved, SourceFacts
    from shallowsight.study.study import Study

    study = Study(name="small", base=prepared.experiment, settings=("2",), seeds=(0,))
    data = prepared.experiment.data
    sources = {
        name: SourceFacts(digest=name, train_rows=11, test_rows=4, images=14) for name in (*data.finetune, *data.test)
    }
    return Resolved(study=study, tower=facts, language_digest="scratch", sources=sources, cache_features=False)


def pretraining(resolved: Resolved) -> StageTask:
    """Of layer 2 and the first seed."""
    return StageTask(resolved=resolved, setting="2", seed=0, stage="pretrain")
