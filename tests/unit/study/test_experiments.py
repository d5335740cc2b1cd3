"""The paper's experiments, value for value, as its public code trains them."""

import pytest

from shallowsight.study.experiment import Experiment
from shallowsight.study.experiments import EXPERIMENTS, PAPER, STUDIES

SIZES = {"1.4b": "mtgv/MobileLLaMA-1.4B-Base", "2.7b": "mtgv/MobileLLaMA-2.7B-Base", "7b": "lmsys/vicuna-7b-v1.5"}
COMMON = {
    "warmup": 0.03, "weight_decay": 0.0, "clip": 1.0, "epochs": 1.0, "updates": None, "zero": 2,
    "precision": "bfloat16", "checkpointing": True, "connector_learning_rate": None, "optimizer": "adamw",
}  # fmt: skip
PRETRAIN = {"learning_rate": 1e-3, "global_batch": 256, "template": "caption", "picture": "crop", "order": "shuffled"}
FINETUNE = {"learning_rate": 2e-5, "global_batch": 128, "template": "v1", "picture": "pad", "order": "by_length"}


def test_names() -> None:
    expected = {f"paper-{size}{mixture}" for size in SIZES for mixture in ("", "-737k", "-1m")}
    assert {e.name for e in PAPER} == expected
    assert expected <= set(EXPERIMENTS) and expected <= set(STUDIES)


@pytest.mark.parametrize("experiment", PAPER, ids=lambda e: e.name)
def test_hyper_parameters(experiment: Experiment) -> None:
    assert experiment.pretrain.model_dump(include={*COMMON, *PRETRAIN}) == COMMON | PRETRAIN
    assert experiment.finetune.model_dump(include={*COMMON, *FINETUNE}) == COMMON | FINETUNE
    assert experiment.pretrain.lora.rank == experiment.finetune.lora.rank == 0
    size = experiment.name.split("-")[1]
    assert experiment.language.model == SIZES[size] and experiment.language.max_length == 2048
    vision = experiment.vision
    assert (vision.tower, vision.image_size) == ("openai/clip-vit-large-patch14-336", 336)
    assert (vision.features, vision.pool, vision.normalize) == ("patch", 1, False)
    assert experiment.connector.kind == "linear"


def test_mixtures() -> None:
    of = {e.name: e.data.finetune[0].rpartition("/")[2] for e in PAPER}
    assert of["paper-7b"] == "llava_v1_5_mix665k.json"
    assert len({of["paper-7b"], of["paper-7b-737k"], of["paper-7b-1m"]}) == 3
    for experiment in PAPER:
        data = experiment.data
        assert data.pretrain[0].endswith("blip_laion_cc_sbu_558k.json")
        assert data.folder_of(data.pretrain[0]) != data.folder_of(data.finetune[0])


@pytest.mark.parametrize("experiment", PAPER, ids=lambda e: e.name)
def test_settings(experiment: Experiment) -> None:
    settings = STUDIES[experiment.name].settings
    assert settings == (*map(str, range(1, 25)), "penultimate", "3,18,23:concat")
    assert STUDIES[experiment.name].seeds == (0, 1, 2)
