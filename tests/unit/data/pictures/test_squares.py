"""Pictures become the square pixels that a tower takes: stretched, cropped or padded."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from shallowsight.model.tower import dinov2
from shallowsight.model.tower.pictures import PictureProcessor
from shallowsight.study.experiment import EMBEDDED_TOWER

FAMILIES = ("clip", "siglip", "dinov2")
SHAPES = ("stretch", "crop", "pad")
MEAN, STD = [0.1, 0.2, 0.3], [0.5, 0.6, 0.7]
Photo = Callable[[int, int], Image.Image]


def as_bytes(pixels_CHW: Tensor, mean: list[float], std: list[float]) -> Tensor:
    """[H, W, C], the colours that the picture had."""
    return (pixels_CHW.permute(1, 2, 0) * torch.tensor(std) + torch.tensor(mean)) * 255


@pytest.fixture(scope="module")
def photo() -> Photo:
    """A real one, in the sizes asked for."""
    from skimage import data

    def of(width: int, height: int) -> Image.Image:
        return Image.fromarray(data.astronaut()).crop((40, 10, 490, 420)).resize((width, height))

    return of


@pytest.fixture
def tower(towers: dict[str, Path], tmp_path: Path) -> Path:
    """With colours of its own, and a size that must not count."""
    from transformers import CLIPImageProcessorPil

    folder = Path(shutil.copytree(towers["clip"], tmp_path / "tower"))
    CLIPImageProcessorPil(image_mean=MEAN, image_std=STD, size={"shortest_edge": 5}).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("shape", SHAPES)
def test_colours_are_scaled_as_the_tower_was_trained(
    towers: dict[str, Path], family: str, shape: str, tmp_path: Path
) -> None:
    from transformers import CLIPImageProcessorPil

    folder = shutil.copytree(towers[family], tmp_path / "tower")
    CLIPImageProcessorPil(image_mean=MEAN, image_std=STD).save_pretrained(folder)
    wide = Image.fromarray(np.full((10, 50, 3), 255, np.uint8))
    pixels = PictureProcessor(str(folder), 42, shape)([wide])
    assert pixels.shape == (1, 3, 42, 42) and pixels.dtype == torch.float32
    expected = (1 - torch.tensor(MEAN)) / torch.tensor(STD)
    torch.testing.assert_close(pixels[0, :, 20, 20], expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_embedded_towers_colours(shape: str) -> None:
    pixels = PictureProcessor(EMBEDDED_TOWER, 28, shape)([Image.new("RGB", (30, 20))])
    assert pixels[0, :, 14, 14].tolist() == pytest.approx(
        [-m / s for m, s in zip(dinov2.IMAGE_MEAN, dinov2.IMAGE_STD, strict=True)], abs=1e-5
    )


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("size", [(50, 10), (10, 50), (28, 28), (1, 300), (300, 1), (1, 1), (641, 480)], ids=str)
def test_whatever_comes_in_squares_come_out(tower: Path, shape: str, size: tuple[int, int]) -> None:
    process = PictureProcessor(str(tower), 42, shape)
    pixels = process([Image.new("RGB", size, (200, 100, 50)), Image.new("RGB", (30, 20))])
    assert pixels.shape == (2, 3, 42, 42) and bool(pixels.isfinite().all())


def test_stretching_is_as_it_always_was(tower: Path, photo: Photo) -> None:
    """Feature caches and trained models are of these bytes: both sides resized at once, bicubic, by Pillow."""
    picture = photo(300, 200)
    (pixels,) = PictureProcessor(str(tower), 56, "stretch")([picture])
    resized = np.asarray(picture.resize((56, 56), Image.Resampling.BICUBIC), dtype=np.float32)
    expected = (torch.from_numpy(resized.copy()) / 255 - torch.tensor(MEAN)) / torch.tensor(STD)
    torch.testing.assert_close(pixels, expected.permute(2, 0, 1), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("size", [(300, 200), (200, 300), (641, 479), (56, 56), (30, 20)], ids=str)
def test_cropping_is_clips(tower: Path, photo: Photo, size: tuple[int, int]) -> None:
    from transformers import CLIPImageProcessorPil

    sizes = {"size": {"shortest_edge": 56}, "crop_size": {"height": 56, "width": 56}}
    clip = CLIPImageProcessorPil(image_mean=MEAN, image_std=STD, **sizes)
    picture = photo(*size)
    expected = clip([picture], return_tensors="pt")["pixel_values"]
    assert torch.equal(PictureProcessor(str(tower), 56, "crop")([picture]), expected)


def test_cropping_keeps_the_middle_and_proportions(tower: Path) -> None:
    """A wide picture of three squares: the one in the middle is left, whole."""
    squares = [np.full((60, 60, 3), colour, np.uint8) for colour in ((255, 0, 0), (0, 255, 0), (0, 0, 255))]
    (pixels,) = PictureProcessor(str(tower), 30, "crop")([Image.fromarray(np.concatenate(squares, axis=1))])
    found = as_bytes(pixels, MEAN, STD)
    assert (found[:, 2:-2] - torch.tensor([0.0, 255, 0])).abs().max() < 2


BARS = torch.tensor([int(255 * part) for part in MEAN], dtype=torch.float32)


@pytest.mark.parametrize("wide", [True, False], ids=["wide", "tall"])
def test_bars_of_the_mean_colour_on_the_shorter_side(tower: Path, wide: bool) -> None:
    size = (80, 40) if wide else (40, 80)
    (pixels,) = PictureProcessor(str(tower), 40, "pad")([Image.new("RGB", size, (255, 255, 255))])
    found = as_bytes(pixels, MEAN, STD)
    found = found if wide else found.transpose(0, 1)
    # Centred: ten rows above and ten below; bicubic rings two rows to either side of a border.
    bars = torch.cat([found[:8], found[-8:]])
    assert (bars - BARS).abs().max() < 1.5, "the mean colour, which is 0 after scaling"
    assert (found[12:28] - 255).abs().max() < 1.5
    torch.testing.assert_close(found, found.flip(0), atol=0.5, rtol=0)


def test_padding_keeps_proportions_and_the_whole_picture(tower: Path) -> None:
    """A disc stays round and whole."""
    y, x = np.mgrid[:60, :120]
    disc = ((x - 100) ** 2 + (y - 30) ** 2 < 18**2)[..., None] * np.full(3, 255, np.uint8)
    (pixels,) = PictureProcessor(str(tower), 60, "pad")([Image.fromarray(disc.astype(np.uint8))])
    rows, columns = np.nonzero(as_bytes(pixels, MEAN, STD)[..., 0].numpy() > 128)
    assert np.ptp(rows) == pytest.approx(np.ptp(columns), abs=1) and np.ptp(rows) == pytest.approx(17, abs=2)
    assert (rows.mean(), columns.mean()) == pytest.approx((30, 50), abs=0.7)


@pytest.mark.parametrize("size", [(300, 200), (200, 300), (301, 200), (303, 200), (200, 203), (256, 256)], ids=str)
def test_padding_is_llavas(tower: Path, photo: Photo, size: tuple[int, int]) -> None:
    """Its expand2square (llava/mm_utils.py), then CLIP's own processor."""
    from transformers import CLIPImageProcessorPil

    picture, side = photo(*size), max(size)
    square = Image.new("RGB", (side, side), tuple(int(part * 255) for part in MEAN))
    square.paste(picture, ((side - size[0]) // 2, (side - size[1]) // 2))
    sizes = {"size": {"shortest_edge": 56}, "crop_size": {"height": 56, "width": 56}}
    expected = CLIPImageProcessorPil(image_mean=MEAN, image_std=STD, **sizes)([square], return_tensors="pt")
    found = PictureProcessor(str(tower), 56, "pad")([picture])
    assert torch.equal(found, expected["pixel_values"])


@pytest.mark.parametrize("shape", SHAPES)
def test_squares_are_the_same_in_every_shape(tower: Path, photo: Photo, shape: str) -> None:
    picture = [photo(90, 90)]
    assert torch.equal(
        PictureProcessor(str(tower), 56, shape)(picture), PictureProcessor(str(tower), 56, "stretch")(picture)
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_pictures_do_not_influence_each_other(tower: Path, photo: Photo, shape: str) -> None:
    process, pictures = PictureProcessor(str(tower), 56, shape), [photo(90, 60), photo(60, 90), photo(20, 20)]
    assert torch.equal(process(pictures), torch.cat([process([picture]) for picture in pictures]))
    assert [picture.size for picture in pictures] == [(90, 60), (60, 90), (20, 20)], "the caller's was changed"


@pytest.mark.parametrize("size", [(1300, 90), (90, 1300)], ids=str)
def test_long_pictures_are_cropped_before_they_are_resized(tower: Path, photo: Photo, size: tuple[int, int]) -> None:
    picture = photo(*size)
    width, height = (56 * own // 90 for own in size)
    left, upper = (width - 56) // 2, (height - 56) // 2
    whole = picture.resize((width, height), Image.Resampling.BICUBIC).crop((left, upper, left + 56, upper + 56))
    found = as_bytes(PictureProcessor(str(tower), 56, "crop")([picture])[0], MEAN, STD)
    differ = (found - torch.from_numpy(np.asarray(whole, dtype=np.float32).copy())).abs()
    assert differ.max() < 5 and differ.mean() < 0.1, "the filter's places are rounded otherwise"


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("size", [(1, 60_000), (60_000, 1), (1280, 14_000)], ids=str)
def test_memory_follows_the_target(tower: Path, shape: str, size: tuple[int, int]) -> None:
    """A square of 60,000 pixels a side, or 60,000 times 56, would take 10 GB; the picture alone is up to 54 MB."""
    made: list[int] = []

    original = Image.Image._new

    def watching(self: Image.Image, core: object) -> Image.Image:
        found = original(self, core)
        made.append(found.width * found.height)
        return found

    picture, process = Image.new("RGB", size, (9, 9, 200)), PictureProcessor(str(tower), 56, shape)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Image.Image, "_new", watching)
        assert process([picture]).shape == (1, 3, 56, 56)
    assert max(made) <= max(size[0] * size[1], 56 * 64 * 56)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("mode", ["L", "P", "1", "CMYK", "I;16"])
def test_pictures_of_other_modes(tower: Path, photo: Photo, shape: str, mode: str) -> None:
    """A benchmark's pictures come as they are."""
    picture = photo(90, 60).convert("L" if mode == "I;16" else mode)
    given = Image.fromarray(np.asarray(picture, dtype=np.uint16) * 257) if mode == "I;16" else picture
    process = PictureProcessor(str(tower), 56, shape)
    assert torch.equal(process([given]), process([picture.convert("RGB")]))
