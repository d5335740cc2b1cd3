import time
from pathlib import Path

import numpy as np
import pytest
from good_rows import noise
from PIL import Image

from shallowsight.errors import DataRefused
from shallowsight.validation import leak
from shallowsight.validation.leak import leaked_images


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
    with pytest.raises(DataRefused, match=r"x\.png is by its content none of PNG.*run the data gate"):
        leaked_images([images / "0.png"], [images / "x.png"])


def test_comparison_of_ten_thousand_with_one_thousand_is_fast() -> None:
    rng = np.random.default_rng(0)

    def prints(n: int) -> list[leak._Print]:
        looks = rng.integers(0, 256, (n, 192), dtype=np.int16)
        return [leak._Print(rng.bytes(32), int(rng.integers(2**63)), look) for look in looks]

    train, test = prints(10_000), prints(1_000)
    test[7] = leak._Print(b"", train[9_999].bits ^ 0b11, train[9_999].thumbnail)
    test[8] = leak._Print(b"", train[5].bits ^ 0b111, train[5].thumbnail)
    started = time.perf_counter()
    assert leak._near(train, test) == [(9_999, 7)]
    assert time.perf_counter() - started < 5
