"""Features on the disk: the same ones again, for settings that read some of the layers; a damaged file is no file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from shallowsight.evaluate import kept_pictures
from shallowsight.evaluate.kept_pictures import KeptPictures
from shallowsight.evaluate.seen_pictures import Seen, SeenPictures

LAYERS = (2, 5, 7)
FEATURES = {layer: torch.full((3, 4), float(layer), dtype=torch.float16) for layer in LAYERS}


class Encoder:
    """Stands for the tower: a picture's features are its first pixel and the layer's number."""

    def __init__(self, deepest: int) -> None:
        self.deepest = deepest
        self.asked: list[tuple[int, ...]] = []
        self.pixels: Callable[[list[Image.Image]], torch.Tensor] = lambda shown: torch.tensor(
            [float(picture.getpixel((0, 0))[0]) for picture in shown]
        )

    def features(self, pixels_B: torch.Tensor, layers: list[int]) -> list[torch.Tensor]:
        assert max(layers) <= self.deepest
        self.asked.append(tuple(layers))
        return [(pixels_B + layer)[:, None, None].expand(-1, 3, 4) for layer in layers]


def picture(red: int) -> Seen:
    return Seen.of(lambda: Image.new("RGB", (2, 2), (red, 0, 0)))


def seen(encoders: list[Encoder], layers: tuple[int, ...], kept: KeptPictures | None) -> SeenPictures:
    def load(deepest: int) -> Any:
        encoders.append(Encoder(deepest))
        return encoders[-1]

    return SeenPictures(load, layers, kept)


def test_some_of_the_layers_are_read_again(tmp_path: Path) -> None:
    KeptPictures(tmp_path / "new", LAYERS).add("p", FEATURES)
    again = KeptPictures(tmp_path / "new", LAYERS)
    for layers in ((7,), (2, 7), LAYERS):
        found = again.get("p", layers)
        assert found is not None and [float(each[0, 0]) for each in found] == list(layers)
    assert again.get("p", (2, 3)) is None and again.get("q", (2,)) is None


def test_one_look_of_the_tower_serves_all_settings(tmp_path: Path) -> None:
    alone: list[Encoder] = []
    expected = seen(alone, (2, 7), None).features([picture(1), picture(9), picture(1)])
    assert alone[0].asked == [(2, 7)]
    encoders: list[Encoder] = []
    seen(encoders, (5,), KeptPictures(tmp_path, LAYERS)).features([picture(1), picture(9)])
    assert (encoders[0].deepest, encoders[0].asked) == (7, [LAYERS])
    found = seen(encoders, (2, 7), KeptPictures(tmp_path, LAYERS)).features([picture(1), picture(9), picture(1)])
    assert len(encoders) == 1, "the tower is not even loaded"
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def test_a_layer_that_is_missing_is_encoded(tmp_path: Path) -> None:
    encoders: list[Encoder] = []
    seen(encoders, (2,), KeptPictures(tmp_path, (2,))).features([picture(1)])
    (found,) = seen(encoders, (5,), KeptPictures(tmp_path, LAYERS)).features([picture(1)])
    assert float(found[0, 0, 0]) == 6 and [each.asked for each in encoders] == [[(2,)], [LAYERS]]
    assert KeptPictures(tmp_path, LAYERS).get(picture(1).key, LAYERS) is not None


def test_every_damaged_file_is_made_again(tmp_path: Path) -> None:
    kept = KeptPictures(tmp_path, LAYERS)
    kept.add("p", FEATURES)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    for place in range(0, len(whole), 7):
        path.write_bytes(whole[:place])
        assert kept.get("p", LAYERS) is None
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        found = kept.get("p", LAYERS)
        assert found is None or all(torch.equal(a, FEATURES[layer]) for a, layer in zip(found, LAYERS, strict=True))


def test_several_processes_share_the_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = sum(features.nbytes for features in FEATURES.values())
    monkeypatch.setattr(kept_pictures, "COUNT", 1)
    processes = [KeptPictures(tmp_path / f"tower {number % 2}", LAYERS) for number in range(4)]
    processes[0].add("first", FEATURES)
    (one,) = tmp_path.glob("*/*.safetensors")
    monkeypatch.setattr(kept_pictures, "MOST", 4 * one.stat().st_size + size / 2)
    for number in range(12):
        processes[number % 4].add(f"p{number}", FEATURES)
    assert len(list(tmp_path.glob("*/*.safetensors"))) == 4
    assert not any(each.layers for each in processes), "no layers of other settings are encoded any more"


def test_files_that_another_process_writes_meanwhile_are_no_fault(tmp_path: Path) -> None:
    (tmp_path / "tower").mkdir()
    (tmp_path / "tower" / "gone.safetensors").symlink_to(tmp_path / "nowhere")
    kept = KeptPictures(tmp_path / "tower", LAYERS)
    kept.add("p", FEATURES)
    assert kept.get("p", LAYERS) is not None


@pytest.mark.parametrize(("limit", "value", "why"), [("MOST", 30.0, "has 0 GB of them"), ("LEFT", 1e18, "GB left")])
def test_without_room_nothing_more_is_kept(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    limit: str,
    value: float,
    why: str,
) -> None:
    monkeypatch.setattr(kept_pictures, limit, value)
    kept = KeptPictures(tmp_path, LAYERS)
    kept.add("p", FEATURES)
    kept.add("q", FEATURES)
    assert not list(tmp_path.iterdir()) and [why in r.getMessage() for r in caplog.records] == [True]
    encoders: list[Encoder] = []
    assert seen(encoders, (2,), kept).features([picture(3)])[0].shape == (1, 3, 4), "the answer is given all the same"


def test_a_full_disk_is_no_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    kept = KeptPictures(tmp_path, LAYERS)

    def full(self: Path, content: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    kept.add("p", FEATURES)
    assert not list(tmp_path.iterdir()) and "No space left on device" in caplog.text
