"""Every reader sees a picture upright, in 8 bits, on white where it is transparent."""

import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shallowsight.data.gate.images import ImageLimits, decode, strict_decoding
from shallowsight.data.gate.leak import leaked_images
from shallowsight.data.pictures.upright import FORMATS, upright_rgb
from shallowsight.data.shards import Shards, write_shards
from shallowsight.errors import DataRefused

ORIENTATION = 0x0112


def arrow() -> Image.Image:
    """Red at its upper left, blue at its lower right, twice as wide as high."""
    picture = Image.new("RGB", (32, 16), "white")
    picture.paste("red", (0, 0, 8, 8))
    picture.paste("blue", (24, 8, 32, 16))
    return picture


# What a camera stores so that a viewer who turns it as `orientation` says sees the arrow.
STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}  # fmt: skip


def photographed(orientation: int, kind: str = "PNG") -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    arrow().transpose(STORED[orientation]).save(out := BytesIO(), kind, exif=exif)
    return out.getvalue()


def from_gate(content: bytes, folder: Path) -> Image.Image:
    (folder / "a.png").write_bytes(content)
    with strict_decoding():
        return decode(folder / "a.png", ImageLimits())


def from_shards(content: bytes, folder: Path) -> Image.Image:
    write_shards([("a", content)], folder)
    return Shards(folder).image("a")


def from_local_task(content: bytes, folder: Path) -> Image.Image:
    from shallowsight.evaluate.local_task import doc_to_visual

    write_shards([("a", content)], folder)
    (picture,) = doc_to_visual({"shards": str(folder), "image": "a"})
    return picture


def from_a_benchmark(content: bytes, folder: Path) -> Image.Image:
    """lmms-eval hands over what a data set holds; the pixels are those that the embedded tower takes."""
    from shallowsight.model.tower import dinov2
    from shallowsight.model.tower.pictures import PictureProcessor
    from shallowsight.study.experiment import EMBEDDED_TOWER

    (pixels,) = PictureProcessor(EMBEDDED_TOWER, 32, "stretch")([Image.open(BytesIO(content))])
    levels = pixels.permute(1, 2, 0).numpy() * np.array(dinov2.IMAGE_STD) + np.array(dinov2.IMAGE_MEAN)
    return Image.fromarray((levels * 255).round().clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize("reader", [from_gate, from_shards, from_local_task, from_a_benchmark])
@pytest.mark.parametrize("orientation", STORED)
def test_upright(reader: Callable[[bytes, Path], Image.Image], orientation: int, tmp_path: Path) -> None:
    found = reader(photographed(orientation), tmp_path)
    expected = arrow() if found.size == (32, 16) else arrow().resize((32, 32), Image.Resampling.BICUBIC)
    assert found.size == expected.size
    assert np.abs(np.asarray(found, int) - np.asarray(expected, int)).max() <= 1


@pytest.mark.parametrize("kind", ["JPEG", "TIFF", "WEBP"])
def test_every_format_that_knows_of_it(kind: str) -> None:
    found = upright_rgb(Image.open(BytesIO(photographed(6, kind))))
    assert found.size == (32, 16)
    assert np.abs(np.asarray(found, int) - np.asarray(arrow(), int)).mean() < 20, "they lose a little"


def test_huggingface_datasets_turn_it_likewise() -> None:
    """Else a benchmark of lmms-eval would show another picture than training did."""
    import datasets

    rows = datasets.Dataset.from_dict({"image": [{"bytes": photographed(6), "path": None}]})
    (row,) = rows.cast_column("image", datasets.Image())
    assert np.array_equal(np.asarray(row["image"].convert("RGB")), np.asarray(arrow()))


def test_a_broken_orientation_is_none() -> None:
    arrow().save(out := BytesIO(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert upright_rgb(Image.open(BytesIO(out.getvalue()))).size == (32, 16)


def test_an_odd_tag_beside_the_orientation_changes_nothing() -> None:
    """Pillow's own exif_transpose writes the whole block anew, and cannot write this one."""
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    picture = arrow().transpose(STORED[6])
    picture.save(out := BytesIO(), "PNG", exif=exif)
    stored = Image.open(BytesIO(out.getvalue()))
    stored.getexif()[0x9286] = object()
    assert np.array_equal(np.asarray(upright_rgb(stored)), np.asarray(arrow()))


def test_an_upright_picture_is_not_turned_again() -> None:
    once = upright_rgb(Image.open(BytesIO(photographed(6))))
    assert np.array_equal(np.asarray(upright_rgb(once)), np.asarray(arrow()))


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_transparent_grey_of_few_bits(bits: int) -> None:
    """The first pixel has the transparent level, the second another one."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    row = bytes([0, 1 << (8 - bits)])  # a filter byte, then the levels 1 and 0
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 1, bits, 0, 0, 0, 0))
    parts = [head, chunk(b"tRNS", struct.pack(">H", 1)), chunk(b"IDAT", zlib.compress(row)), chunk(b"IEND", b"")]
    found = upright_rgb(Image.open(BytesIO(b"\x89PNG\r\n\x1a\n" + b"".join(parts))))
    assert np.asarray(found)[0, :, 0].tolist() == [255, 0]


def test_a_transparent_colour_of_16_bits() -> None:
    key = (0x1234, 0x5678, 0x9ABC)
    keyed = png_16([[*key, 0, 0, 0]], 2, 2, struct.pack(">3H", *key))
    assert np.asarray(upright_rgb(Image.open(BytesIO(keyed))))[0].tolist() == [[255, 255, 255], [0, 0, 0]]


def png_16(levels: list[list[int]], colour_type: int, width: int, more: bytes = b"") -> bytes:
    """`colour_type` as PNG numbers them: 0 grey, 2 RGB, 4 grey and alpha, 6 RGBA."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, len(levels), 16, colour_type, 0, 0, 0)
    rows = b"".join(b"\0" + struct.pack(f">{len(row)}H", *row) for row in levels)
    ends = chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + (chunk(b"tRNS", more) if more else b"") + ends


@pytest.mark.parametrize("order", ["<u2", ">u2"], ids=["I;16", "I;16B"])
def test_16_bit_grey(order: str) -> None:
    levels = np.array([[0, 257, 128 * 257, 65535]], dtype=order)
    mode = "I;16" if order == "<u2" else "I;16B"
    picture = Image.frombuffer(mode, (4, 1), levels.tobytes(), "raw", mode, 0, 1)
    assert np.asarray(upright_rgb(picture))[0, :, 0].tolist() == [0, 1, 128, 255]


def test_16_bit_files() -> None:
    grey = upright_rgb(Image.open(BytesIO(png_16([[0, 300 * 100, 65535]], 0, 3))))
    assert np.asarray(grey)[0, :, 1].tolist() == [0, 117, 255]
    colour = upright_rgb(Image.open(BytesIO(png_16([[0, 30000, 65535]], 2, 1))))
    assert np.abs(np.array(colour.getpixel((0, 0))) - [0, 117, 255]).max() <= 1
    clear = upright_rgb(Image.open(BytesIO(png_16([[0, 0, 0, 0]], 6, 1))))
    assert clear.getpixel((0, 0)) == (255, 255, 255)
    keyed = upright_rgb(Image.open(BytesIO(png_16([[256, 512]], 0, 2, struct.pack(">H", 256)))))
    assert np.asarray(keyed)[0, :, 0].tolist() == [255, 2]


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ([0.0, 0.5, 1.0], [0, 128, 255]),
        ([0.0, 100.0, 200.0], [0, 100, 200]),
        ([-5.0, 25700.0, 65535.0], [0, 100, 255]),
        ([0.0, 5e5, 1e6], [0, 128, 255]),
        ([float("nan"), float("inf"), 1.0], [0, 0, 255]),
    ],
    ids=["to 1", "to 255", "to 65,535", "beyond", "no numbers"],
)
def test_floats(levels: list[float], expected: list[int]) -> None:
    picture = Image.fromarray(np.array([levels], dtype=np.float32))
    assert np.asarray(upright_rgb(picture))[0, :, 0].tolist() == expected


def test_integers_of_a_16_bit_file_that_is_dark() -> None:
    """A PGM of more than 255 levels comes as 32-bit integers, already scaled to 65,535."""
    content = b"P5 2 1 65535\n" + struct.pack(">2H", 0, 200)
    picture = Image.open(BytesIO(content))
    assert picture.mode == "I"
    assert np.asarray(upright_rgb(picture))[0, :, 0].tolist() == [0, 1]


def with_alpha(mode: str) -> Image.Image:
    """The left half black, the right half transparent (and black below)."""
    whole = Image.new("RGBA", (4, 2), (0, 0, 0, 255))
    whole.paste((0, 0, 0, 0), (2, 0, 4, 2))
    if mode in ("RGBA", "LA", "RGBa"):
        return whole.convert(mode)
    picture = Image.new(mode, (4, 2), 0)
    picture.paste((9, 9, 9) if mode == "RGB" else 1, (0, 0, 2, 2))
    picture.info["transparency"] = (0, 0, 0) if mode == "RGB" else 0
    if mode == "P":
        picture.putpalette([0, 0, 0, 9, 9, 9])
    return picture


@pytest.mark.parametrize("mode", ["RGBA", "LA", "RGBa", "P", "RGB", "L"])
def test_transparency_is_on_white(mode: str) -> None:
    found = np.asarray(upright_rgb(with_alpha(mode)))
    assert found[:, :2].max() < 10 and found[:, 2:].min() == 255


def test_half_transparent() -> None:
    assert upright_rgb(Image.new("RGBA", (1, 1), (0, 0, 0, 127))).getpixel((0, 0)) == (128, 128, 128)


def test_icons_that_differ_in_alpha_alone_do_not_leak(tmp_path: Path) -> None:
    for number in range(3):
        icon = Image.new("RGBA", (32, 32), (0, 0, 0, 0))
        icon.paste((0, 0, 0, 255), (4 * number, 2, 4 * number + 8, 30 - 8 * number))
        icon.save(tmp_path / f"{number}.png")
    assert leaked_images([tmp_path / "0.png", tmp_path / "1.png"], [tmp_path / "2.png"]) == []


def test_16_bit_pictures_that_differ_do_not_leak(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for number in range(2):
        levels = random.integers(1000, 60000, (16, 16))
        (tmp_path / f"{number}.png").write_bytes(png_16(levels.tolist(), 0, 16))
    assert leaked_images([tmp_path / "0.png"], [tmp_path / "1.png"]) == []


def test_a_turned_copy_leaks(tmp_path: Path) -> None:
    arrow().save(tmp_path / "train.png")
    (tmp_path / "test.png").write_bytes(photographed(6))
    assert [kind for _, _, kind in leaked_images([tmp_path / "train.png"], [tmp_path / "test.png"])] == ["exact"]


def test_a_picture_of_the_shards_that_does_not_decode_is_named(tmp_path: Path) -> None:
    write_shards([("files/a.png", photographed(6)[:60])], tmp_path)
    with pytest.raises(DataRefused, match=r"picture 'files/a\.png' cannot be decoded: .*; mend or remove it"):
        Shards(tmp_path).image("files/a.png")


def test_formats_are_decoders_that_pillow_has() -> None:
    Image.init()
    assert set(FORMATS) <= set(Image.OPEN)
