"""A study file may name data and models of a bucket: those are no paths relative to it."""

from pathlib import Path

import pytest
import yaml

from shallowsight.cluster.submission.study import request
from shallowsight.errors import ConfigurationError
from shallowsight.study.overrides import load_study

PLACES = {
    "data.finetune": ["s3://data/train.json", "scenes"],
    "data.test": "s3://data/test.json",
    "data.pretrain": [],
    "data.images": "s3://data/pictures",
    "data.pretrain_images": "s3://data/captions",
    "vision.tower": "s3://models/clip",
    "language.model": "s3://models/llama",
}


def no_depth(tower: str) -> int:
    raise AssertionError(tower)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({"base": "demo", "set": PLACES}))
    return path


def test_it_is_what_it_says(path: Path) -> None:
    base = load_study(str(path), [], no_depth).base
    assert base.data.finetune == ("s3://data/train.json", "scenes") and base.data.test == ("s3://data/test.json",)
    assert (base.data.images, base.data.pretrain_images) == ("s3://data/pictures", "s3://data/captions")
    assert (base.vision.tower, base.language.model) == ("s3://models/clip", "s3://models/llama")


def test_it_means_the_same_on_a_cluster(path: Path) -> None:
    asked = request("study", str(path), [], 0)
    assert load_study(asked.name, asked.words, no_depth) == load_study(str(path), [], no_depth)


def test_records_in_a_folder_and_pictures_in_a_bucket(path: Path) -> None:
    path.write_text(yaml.safe_dump({"base": "demo", "set": PLACES | {"data.test": "test.json"}}))
    with pytest.raises(ConfigurationError, match=r"test\.json and its pictures in s3://data/pictures: its pictures"):
        load_study(str(path), [], no_depth)
