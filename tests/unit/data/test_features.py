"""Cached features are what was written, and what the tower would have said."""

import json
import multiprocessing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_vision_models import save_small_model

from shallowsight.data.features import KEYS, VALUES, CachedFeatures, FeatureWriter, LiveFeatures
from shallowsight.data.shards import Shards
from shallowsight.model.encode import BATCH, Encoder, PictureEncoder, encode_layers
from shallowsight.model.tower.facts import describe
from shallowsight.study.experiment import Vision
from shallowsight.study.resolved import TowerFacts


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
    loaded = source.load(["d", "a", "d"])
    assert all(values.dtype == torch.float16 for values in loaded), "twice as much passes between processes"
    found = source.features(loaded)
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
        CachedFeatures([tmp_path / "a"]).load(["gone"])


def test_knows_what_it_holds(tmp_path: Path) -> None:
    write(tmp_path / "a", ["x", "y"], torch.zeros(2, 1, 1), batch=2)
    source = CachedFeatures([tmp_path / "a"])
    assert "x" in source and "y" in source and "z" not in source


def test_an_image_twice_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "a", ["x", "y", "x"], torch.zeros(3, 1, 1), batch=3)
    with pytest.raises(ValueError, match="image 'x' is given twice"):
        CachedFeatures([tmp_path / "a"])


def reading(source: CachedFeatures, rows: list[int], together: Any, found: Any) -> None:
    together.wait(20)
    found.put(all(source.load([str(n)])[0].flatten().tolist() == [n] * 600 for n in rows * 50))


def test_forked_processes_read_at_once(tmp_path: Path) -> None:
    """They share the open file, and so the place in it that a plain read would go on from."""
    values = torch.arange(20.0).reshape(20, 1, 1).expand(20, 30, 20)
    write(tmp_path / "a", [str(n) for n in range(20)], values, batch=20)
    source, context = CachedFeatures([tmp_path / "a"]), multiprocessing.get_context("fork")
    together, found = context.Barrier(2), context.Queue()
    rows = [list(range(20))[::step] for step in (1, -1)]
    readers = [context.Process(target=reading, args=(source, own, together, found)) for own in rows]
    for reader in readers:
        reader.start()
    assert [found.get(timeout=20) for _ in readers] == [True, True]
    for reader in readers:
        reader.join(20)
    assert [values._file.tell() for values in source._values] == [0], "whatever their timing"


def test_what_was_read_is_not_held(tmp_path: Path) -> None:
    """A mapped file counts as the process's memory, page by page, until a container's limit ends it."""
    write(tmp_path / "a", [str(n) for n in range(64)], torch.ones(64, 64, 64), batch=64)
    source = CachedFeatures([tmp_path / "a"])
    source.load([str(n) for n in range(64)])
    assert str(tmp_path / "a" / VALUES) not in Path("/proc/self/maps").read_text()


@pytest.mark.parametrize("layers", [(2,), (1, 4)], ids=str)
@pytest.mark.parametrize("size", [1, 3, 14], ids="batch of {}".format)
def test_live_equals_cached(
    prepared: Any, facts: TowerFacts, cached: dict[int, Path], layers: tuple[int, ...], size: int
) -> None:
    shards = Shards(prepared.folder)
    keys = list(shards.keys())
    assert len(keys) == 14 and len(set(keys)) == 14
    encoder = Encoder(PictureEncoder(prepared.experiment.vision, facts, max(layers), "stretch"), shards)
    live = LiveFeatures(encoder.pixels, lambda pixels: encoder.pictures.features(pixels, layers))
    stored = CachedFeatures([cached[layer] for layer in layers])
    for first in range(0, len(keys), size):
        batch = keys[first : first + size][::-1]
        (pixels,) = loaded = live.load(batch)
        assert pixels.shape == (len(batch), 3, 28, 28), "the tower ran where the pictures are read"
        for a, b in zip(live.features(loaded), stored.features(stored.load(batch)), strict=True):
            assert a.shape == (len(batch), 4, 32) and torch.equal(a, b)
            assert not a.is_inference(), "training may not use it"


def test_a_cache_of_more_images_than_a_batch(prepared: Any, facts: TowerFacts, tmp_path: Path) -> None:
    shards = Shards(prepared.folder)
    keys = list(shards.keys()) * 2
    assert len(keys) > BATCH
    (tmp_path / "layer").mkdir()
    encoder, seen = Encoder(PictureEncoder(prepared.experiment.vision, facts, 3, "stretch"), shards), []
    encode_layers(
        encoder, keys, {3: tmp_path / "layer"}, 4, facts.width_of, lambda done, total: seen.append((done, total))
    )
    values = np.load(tmp_path / "layer" / VALUES)
    assert values.shape == (28, 4, 32) and np.array_equal(values[:14], values[14:]) and np.ptp(values) > 1
    assert json.loads((tmp_path / "layer" / KEYS).read_text(encoding="utf-8")) == keys
    assert seen == [(16, 28), (28, 28)]


def test_a_cache_of_stages_of_different_widths(prepared: Any, tmp_path: Path) -> None:
    tower = save_small_model("convnext", tmp_path / "tower")
    vision = Vision(tower=str(tower), image_size=64, pool=1)
    shards, stages = Shards(prepared.folder), describe(vision.tower)
    encoder = Encoder(PictureEncoder(vision, stages, 3, "stretch"), shards)
    keys = list(shards.keys())[:3]
    folders = {layer: tmp_path / f"layer-{layer}" for layer in (1, 3)}
    for folder in folders.values():
        folder.mkdir()
    encode_layers(encoder, keys, folders, stages.tokens(64, 1, "patch"), stages.width_of, lambda *_: None)
    for layer, width in ((1, 8), (3, 24)):
        cache = CachedFeatures([folders[layer]])
        (found,) = cache.features(cache.load(keys))
        assert found.shape == (3, 4, width) and torch.equal(found, encoder.features(keys, [layer])[0])
