"""A user's data in a bucket that are not there, that nobody may read, or that no study can be made of."""

from collections.abc import Callable
from pathlib import Path

import pytest
from bucket_data import data_in, experiment_in, facts, prepared_from

from shallowsight.data.own_files import require_files
from shallowsight.data.sources import collect_sources
from shallowsight.errors import ConfigurationError, DataRefused
from shallowsight.store.objects.objects import Objects
from shallowsight.study.experiment import Experiment

NOT_THERE = [
    pytest.param({"finetune": "{}/none.json"}, r"data source '.*none.json': there is no s3://", id="no file"),
    pytest.param({"images": "{}/none"}, r"data.images: there is nothing below s3://.*/none; name the", id="no prefix"),
    pytest.param({"pretrain_images": "{}/none"}, r"data.pretrain_images: there is nothing below", id="no other prefix"),
    pytest.param({"finetune": "s3://no-such-bucket-here/a.json"}, "there is no such bucket", id="no bucket"),
    pytest.param(
        {"images": "s3://no-such-bucket-here/a"}, "data.images: .*there is no such bucket", id="no image bucket"
    ),
    pytest.param({"finetune": "s3://"}, "write s3://bucket", id="no name"),
]


@pytest.mark.parametrize(("change", "says"), NOT_THERE)
def test_data_that_are_not_there_are_refused(here: Objects, change: dict[str, str], says: str) -> None:
    ((key, text),) = change.items()
    named = text.format(here.url)
    data = data_in(here.url).model_copy(update={key: (named,) if key == "finetune" else named})
    with pytest.raises(ConfigurationError, match=says):
        require_files(data)


def test_a_file_is_called_by_its_url(here: Objects, small: Callable[..., Experiment], tmp_path: Path) -> None:
    """Not by the copy that is read."""
    here.put_bytes("train.json", b"[{]")
    fault = f"data file {here.url}/train.json: it is not JSON after row 0"
    with pytest.raises(ConfigurationError, match=rf"^data source '{here.url}/train.json': {fault}"):
        facts(here.url)
    with pytest.raises(ConfigurationError, match=f"^{fault}"):
        collect_sources(data_in(here.url), tmp_path / "work", lambda *_: None)
    here.put_bytes("train.json", b"[]")
    (tmp_path / "out").mkdir()
    with pytest.raises(DataRefused, match=rf": no row in {here.url}/train.json; add records"):
        prepared_from(experiment_in(here.url, small), tmp_path / "out")


def test_data_that_are_all_there_are_taken(here: Objects) -> None:
    require_files(data_in(here.url))


def test_wrong_keys(here: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(
        ConfigurationError, match=r"data source 's3://.*train.json': .*AWS_SECRET_ACCESS_KEY does not belong"
    ):
        require_files(data_in(here.url))


def test_no_keys_at_all(here: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    with pytest.raises(ConfigurationError, match=r"data source .*needs AWS_ENDPOINT_URL in the environment"):
        require_files(data_in(here.url))


def test_no_good_picture_at_all(here: Objects, small: Callable[..., Experiment], tmp_path: Path) -> None:
    for number in range(14):
        here.put_bytes(f"images/{number}.png", b"no picture")
    with pytest.raises(DataRefused, match="14 of 15 rows"):
        prepared_from(experiment_in(here.url, small), tmp_path)
