from pathlib import Path

import numpy as np
import pytest
from good_rows import noise
from PIL import Image

from shallowsight.data.gate import near
from shallowsight.data.gate.leak import leaked_images, same_files
from shallowsight.errors import DataRefused


def test_finds_copies_exact_first(tmp_path: Path) -> None:
    (train := tmp_path / "train").mkdir()
    (test := tmp_path / "test").mkdir()
    for i in range(40):
        noise(i, 96).save(train / f"{i:02}.png")
        noise(1000 + i, 96).save(test / f"new{i:02}.png")
    noise(3, 96).save(test / "same.bmp")  # equal pixels, other format
    noise(2, 96).save(test / "again.jpg", quality=80)
    noise(1, 96).resize((64, 64)).save(test / "small.png")
    found = leaked_images(sorted(train.iterdir()), sorted(test.iterdir()))
    assert found == [
        (train / "03.png", test / "same.bmp", "exact"),
        (train / "01.png", test / "small.png", "near"),
        (train / "02.png", test / "again.jpg", "near"),
    ]


def test_flat_images_of_different_colour_do_not_match(tmp_path: Path) -> None:
    for colour in ("white", "black", "red", "#fdfdfd"):
        Image.new("RGB", (20, 20), colour).save(tmp_path / f"{colour}.png")
    others = [tmp_path / "black.png", tmp_path / "red.png", tmp_path / "#fdfdfd.png"]
    assert leaked_images(others, [tmp_path / "white.png"]) == [
        (tmp_path / "#fdfdfd.png", tmp_path / "white.png", "near")
    ]


def test_one_path_on_both_sides(images: Path) -> None:
    path = images / "0.png"
    assert leaked_images([path, path], [path]) == [(path, path, "exact")]
    assert leaked_images([], [path]) == []


def test_refuses_what_the_gate_would(images: Path) -> None:
    (images / "x.png").write_bytes(b"GIF89a")
    with pytest.raises(DataRefused, match=r"the content of .*x\.png is none of PNG.*run the data gate"):
        leaked_images([images / "0.png"], [images / "x.png"])


def photograph(number: int) -> Image.Image:
    """Another part of a real one for every number."""
    from skimage import data

    whole = Image.fromarray((data.astronaut, data.coffee, data.chelsea)[number % 3]())
    x, y = 60 * (number // 3), 40 * (number // 3)
    return whole.crop((x, y, x + 200, y + 200))


COPIES = {
    "half": lambda picture: picture.resize((100, 100)),
    "larger": lambda picture: picture.resize((310, 290)),
    "crop, middle": lambda picture: picture.crop((5, 5, 195, 195)),
    "crop, corner": lambda picture: picture.crop((0, 0, 190, 190)),
    "crop, other corner": lambda picture: picture.crop((10, 10, 200, 200)),
    "crop, one side": lambda picture: picture.crop((10, 0, 200, 200)),
    "crop and half": lambda picture: picture.crop((10, 0, 200, 190)).resize((95, 95)),
}


@pytest.mark.parametrize("copied_side", ["test", "train"])
@pytest.mark.parametrize("change", COPIES)
def test_changed_copies_are_near_and_other_photographs_are_not(change: str, copied_side: str, tmp_path: Path) -> None:
    originals, copies = [], []
    for number in range(9):
        photograph(number).save(tmp_path / f"{number}.png")
        COPIES[change](photograph(number)).save(tmp_path / f"{number}.jpg", quality=50)
        originals.append(tmp_path / f"{number}.png")
        copies.append(tmp_path / f"{number}.jpg")
    train, test = (originals, copies) if copied_side == "test" else (copies, originals)
    assert leaked_images(train, test) == [(a, b, "near") for a, b in zip(train, test, strict=True)]


def test_the_same_shapes_in_other_colours_of_one_lightness_are_others(tmp_path: Path) -> None:
    for name, colour in (("red", (200, 0, 0)), ("blue", (0, 60, 215))):
        picture = Image.new("RGB", (64, 64), "white")
        picture.paste(colour, (10, 10, 50, 40))
        picture.save(tmp_path / f"{name}.png")
    assert leaked_images([tmp_path / "red.png"], [tmp_path / "blue.png"]) == []


def test_blocks_leave_no_pair_out() -> None:
    """More pictures than are compared at a time, with a copy in the first block and in the last."""
    random = np.random.default_rng(0)
    train = random.integers(0, 256, (300, near.THUMBNAIL, near.THUMBNAIL, 3), dtype=np.uint8)
    test = random.integers(0, 256, (5, near.THUMBNAIL, near.THUMBNAIL, 3), dtype=np.uint8)
    test[1], test[3] = train[299], train[0]
    assert sorted(near.near_pairs(train, test)) == [(0, 3), (299, 1)]


def test_files_of_the_same_bytes(tmp_path: Path) -> None:
    contents = {"a": b"12345", "b": b"12346", "c": b"123", "d": b"12345", "e": b"999", "f": b"1"}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    train, test = [tmp_path / n for n in "abc"], [tmp_path / n for n in "def"]
    assert same_files(train, test) == [(tmp_path / "a", tmp_path / "d", "exact")]
    assert same_files([], test) == []
