"""A published file in a bucket: a forecast knows it by its name and asks nobody."""

import pytest

from shallowsight.cost import texts
from shallowsight.cost.texts import PUBLISHED, images, questions, stage_texts
from shallowsight.study.data import Data
from shallowsight.study.experiments import EXPERIMENTS


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(url: str) -> None:
        raise AssertionError(f"asked for {url}")

    monkeypatch.setattr(texts, "copy_of_records", asked)


def test_it_needs_no_network() -> None:
    name = "llava_v1_5_mix665k.json"
    places = {"finetune": f"s3://data/{name}", "test": f"s3://data/{name}", "images": "s3://data/pictures"}
    experiment = EXPERIMENTS["quick"].model_copy(update={"data": Data(pretrain=(), **places)})
    assert stage_texts(experiment, "finetune").records == PUBLISHED[name].records
    assert images(experiment) == PUBLISHED[name].pictured and questions(experiment) == 0
