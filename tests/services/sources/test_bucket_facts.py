"""What is known of a user's data in a bucket before any picture is read."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from bucket_data import facts, flip, upload
from faulty_proxy import FaultyProxy
from s3_server import BUCKET
from tiny import Prepared

from shallowsight.data.sources import source_facts
from shallowsight.errors import ConfigurationError
from shallowsight.store.objects.objects import Objects
from shallowsight.store.objects.opening import open_objects


def test_facts(here: Objects, prepared: Prepared) -> None:
    local = source_facts(str(prepared.files / "train.json"), prepared.experiment.data)
    found = facts(here.url)
    assert (found.train_rows, found.test_rows, found.images) == (local.train_rows, local.test_rows, local.images)


def test_the_place_does_not_count(here: Objects, prepared: Prepared) -> None:
    there = open_objects(f"s3://{BUCKET}/{uuid4().hex}")
    upload(prepared.files, there)
    assert facts(there.url) == facts(here.url)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda o: flip(o, "images/3.png"), id="a bit of a picture"),
        pytest.param(lambda o: o.put_bytes("images/3.png", o.get_bytes("images/4.png")), id="a picture"),
        pytest.param(lambda o: o.delete("images/3.png"), id="a picture is gone"),
        pytest.param(lambda o: o.put_bytes("train.json", o.get_bytes("train.json") + b" "), id="the records"),
    ],
)
def test_content_counts(here: Objects, change: Callable[[Objects], object]) -> None:
    before = facts(here.url)
    change(here)
    assert facts(here.url).digest != before.digest


def test_a_picture_nobody_names_does_not_count(here: Objects) -> None:
    before = facts(here.url)
    here.put_bytes("images/3.png.bak", b"x")
    assert facts(here.url) == before


def test_no_picture_is_read_while_facts_are_found(here: Objects, proxy: FaultyProxy) -> None:
    facts(here.url)
    assert proxy.count("GET", ".png") == proxy.count("HEAD", ".png") == 0
    assert proxy.count("GET", "list-type") > 0


def test_a_broken_file_is_named_by_its_url(here: Objects) -> None:
    here.put_bytes("train.json", b"[{")
    with pytest.raises(ConfigurationError, match=r"data source 's3://.*/train.json': .* is not JSON"):
        facts(here.url)
