"""Cached features are what was written, and what the tower would have said."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from shallowsight.assets.towers import TowerFacts
from shallowsight.data.features import KEYS, VALUES, CachedFeatures, FeatureWriter, LiveFeatures
from shallowsight.data.shards import Shards
from shallowsight.model.encode import BATCH, Encoder, PictureEncoder, encode_layers


def write(folder: Path, keys: list[str], values: torch.Tensor, batch: int) -> None:
    folder.mkdir()
    writer = FeatureWriter(folder, keys, values.shape[1], values.shape[2])
    for first in range(0, len(keys), batch):
        writer.write(first, values[first : first + batch])
    writer.close()


def test_reads_what_was_written_in_any_order(tmp_path: Path) -> None:
    keys = ["a", "b", "c", "d", "e"]
    layers = [torch.randn(5, 3, 4, generator=torch.Generator().manual_seed(i)).half().float() for i in range(2)]
    for i, values in enumerate(layers):
        write(tmp_path / str(i), keys, values, batch=2)
    source = CachedFeatures([tmp_path / "0", tmp_path / "1"])
    found = source.batch(["d", "a", "d"])
    assert len(found) == 2 and all(f.dtype == torch.float32 for f in found)
    for values, features in zip(layers, found, strict=True):
        assert torch.equal(features, values[[3, 0, 3]])
    assert np.load(tmp_path / "0" / VALUES).dtype == np.float16


def test_writing_does_not_depend_on_the_batch(tmp_path: Path) -> None:
    values = torch.randn(5, 3, 4)
    write(tmp_path / "a", list("abcde"), values, batch=1)
    write(tmp_path / "b", list("abcde"), values, batch=5)
    for name in (VALUES, KEYS):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_layers_of_different_images_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "a", ["x", "y"], torch.zeros(2, 1, 1), batch=2)
    write(tmp_path / "b", ["y", "x"], torch.zeros(2, 1, 1), batch=2)
    with pytest.raises(ValueError, match="the layers' features are of different images"):
        CachedFeatures([tmp_path / "a", tmp_path / "b"])


def test_an_unknown_image(tmp_path: Path) -> None:
    write(tmp_path / "a", ["x"], torch.zeros(1, 1, 1), batch=1)
    with pytest.raises(KeyError, match="gone"):
        CachedFeatures([tmp_path / "a"]).batch(["gone"])


@pytest.mark.parametrize("layers", [(2,), (1, 4)], ids=str)
@pytest.mark.parametrize("size", [1, 3, 14], ids="batch of {}".format)
def test_live_equals_cached(
    prepared: Any, facts: TowerFacts, cached: dict[int, Path], layers: tuple[int, ...], size: int
) -> None:
    shards = Shards(prepared.folder)
    keys = list(shards.keys())
    assert len(keys) == 14 and len(set(keys)) == 14
    encoder = Encoder(PictureEncoder(prepared.experiment.vision, facts, max(layers)), shards)
    live = LiveFeatures(lambda wanted: encoder.features(wanted, layers))
    stored = CachedFeatures([cached[layer] for layer in layers])
    for first in range(0, len(keys), size):
        batch = keys[first : first + size][::-1]
        for a, b in zip(live.batch(batch), stored.batch(batch), strict=True):
            assert a.shape == (len(batch), 4, 32) and torch.equal(a, b)
            assert not a.is_inference(), "training may not use it"


def test_a_cache_of_more_images_than_a_batch(prepared: Any, facts: TowerFacts, tmp_path: Path) -> None:
    shards = Shards(prepared.folder)
    keys = list(shards.keys()) * 2
    assert len(keys) > BATCH
    (tmp_path / "layer").mkdir()
    encoder, seen = Encoder(PictureEncoder(prepared.experiment.vision, facts, 3), shards), []
    encode_layers(encoder, keys, {3: tmp_path / "layer"}, 4, 32, lambda done, total: seen.append((done, total)))
    values = np.load(tmp_path / "layer" / VALUES)
    assert values.shape == (28, 4, 32) and np.array_equal(values[:14], values[14:]) and np.ptp(values) > 1
    assert json.loads((tmp_path / "layer" / KEYS).read_text(encoding="utf-8")) == keys
    assert seen == [(16, 28), (28, 28)]
