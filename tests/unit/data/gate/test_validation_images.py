import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from good_rows import noise
from PIL import Image, ImageFile

from shallowsight.data.gate import images as module
from shallowsight.data.gate.images import ImageLimits, check_images

IEND = b"\0\0\0\0IEND\xaeB\x60\x82"
LIMITS = ImageLimits(max_bytes=1 << 20, max_pixels=1_000_000, threads=2)


def statuses(names: list[str], folder: Path) -> dict[str, str]:
    found = check_images(names, folder, LIMITS)
    return {name: "ok" if fault is None else fault.status for name, fault in found.items()}


def encoded(kind: str, side: int = 64) -> bytes:
    noise(1, side).save(out := BytesIO(), kind)
    return out.getvalue()


def status(folder: Path, name: str, content: bytes | None = None) -> str:
    if content is not None:
        (folder / name).write_bytes(content)
    return statuses([name], folder)[name]


def png_claiming(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


MODES = {
    "PNG": "RGB L P RGBA 1 I;16", "JPEG": "RGB L CMYK", "WEBP": "RGB L P RGBA 1 CMYK", "BMP": "RGB L P RGBA 1",
    "GIF": "RGB L P", "TIFF": "RGB L I;16 F CMYK LAB YCbCr", "JPEG2000": "RGB L RGBA", "PPM": "RGB L I",
    "AVIF": "RGB RGBA",
}  # fmt: skip


@pytest.mark.parametrize(("kind", "mode"), [(kind, mode) for kind, modes in MODES.items() for mode in modes.split()])
def test_ok_whatever_mode_and_suffix(images: Path, kind: str, mode: str) -> None:
    noise(1).convert(mode).save(images / "wrong.gif", kind)
    assert status(images, "wrong.gif") == "ok"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(encoded("EPS"), "wrong_format", id="postscript, which is a program"),
        pytest.param(encoded("ICNS", 16), "wrong_format", id="several pictures"),
        pytest.param(b"<html>404</html>", "wrong_format", id="html as jpg"),
        pytest.param(b"", "unreadable", id="empty"),
        pytest.param(encoded("JPEG")[:-200], "unreadable", id="truncated jpeg"),
        pytest.param(encoded("JPEG")[:20], "wrong_format", id="jpeg header only"),
        pytest.param(encoded("PNG")[:-40], "unreadable", id="truncated png"),
        pytest.param(encoded("WEBP")[:-100], "unreadable", id="truncated webp"),
        pytest.param(encoded("BMP")[:-100], "unreadable", id="truncated bmp"),
        # The pixels still decode; only the checksum of the pixel chunk (before the 12 bytes of IEND) tells.
        pytest.param(encoded("PNG")[:-13] + bytes([encoded("PNG")[-13] ^ 1]) + IEND, "unreadable", id="flipped bit"),
        pytest.param(png_claiming(1001, 1000), "too_large", id="above our cap"),
        pytest.param(png_claiming(10_000, 10_000), "too_large", id="bomb that Pillow warns of"),
        pytest.param(png_claiming(60_000, 60_000), "too_large", id="bomb that Pillow refuses"),
        pytest.param(encoded("BMP", 700), "too_large", id="bytes"),
        pytest.param(png_claiming(0, 0), "wrong_format", id="no pixels"),
    ],
)
def test_bad_content(images: Path, content: bytes, expected: str, recwarn: pytest.WarningsRecorder) -> None:
    assert status(images, "x.jpg", content) == expected
    assert not recwarn.list


def test_a_gif_of_several_frames_is_its_first(images: Path) -> None:
    first, second = Image.new("RGB", (8, 8), "red"), Image.new("RGB", (8, 8), "blue")
    first.save(images / "x.jpg", "GIF", save_all=True, append_images=[second])
    with module.strict_decoding():
        found = module.decode(images / "x.jpg", LIMITS)
    assert found.getcolors() == [(64, (255, 0, 0))]


def test_the_decoders_own_words_are_in_the_message(images: Path) -> None:
    (images / "x.jpg").write_bytes(encoded("JPEG")[:-200])
    with module.strict_decoding(), pytest.raises(module.ImageError, match=r"x\.jpg: image file is truncated"):
        module.decode(images / "x.jpg", LIMITS)


def test_truncated_is_refused_even_where_the_process_is_lenient(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    assert status(images, "x.jpg", encoded("JPEG")[:-200]) == "unreadable"
    assert ImageFile.LOAD_TRUNCATED_IMAGES is True


@pytest.mark.parametrize(
    "name",
    [
        "../images_evil/0.png",  # the prefix trick: "/tmp/images_evil".startswith("/tmp/images")
        "sub/../../images_evil/0.png",
        "sub/../0.png",
        "..\\0.png",
        "/etc/passwd",
        "\\\\host\\share",
        "http://169.254.169.254/latest",
        "file:///etc/passwd",
        "file:0.png",
        "data:image/png;base64,AAAA",
        "0.png\0.jpg",
        "out.png",
        "away/0.png",
    ],
)
def test_escapes(images: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    evil = images.parent / "images_evil"
    evil.mkdir()
    noise(1).save(evil / "0.png")
    (images / "out.png").symlink_to(evil / "0.png")
    (images / "away").symlink_to(evil)
    monkeypatch.setattr(module, "decode", lambda *_: pytest.fail("an escaping path was opened"))
    assert status(images, name) == "escapes_folder"


def test_absolute_path_inside_the_folder_is_refused_too(images: Path) -> None:
    assert status(images, str(images / "0.png")) == "escapes_folder"


@pytest.mark.parametrize("name", ["no.png", "", "sub", "x" * 300 + ".png", "loop.png", "broken.png", "\ud800.png"])
def test_missing(images: Path, name: str) -> None:
    (images / "loop.png").symlink_to("loop.png")
    (images / "broken.png").symlink_to("nowhere.png")
    assert status(images, name) == "missing"


def test_links_inside_and_a_linked_root_are_fine(images: Path) -> None:
    (images / "in.png").symlink_to("0.png")
    (root := images.parent / "root").symlink_to(images)
    assert statuses(["in.png", "./sub/6.jpg", "7.webp"], root) == dict.fromkeys(
        ["in.png", "./sub/6.jpg", "7.webp"], "ok"
    )


def test_each_file_is_decoded_once(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (images / "in.png").symlink_to("0.png")
    seen: list[Path] = []
    real: Callable[[Path, ImageLimits], Image.Image] = module.decode
    monkeypatch.setattr(module, "decode", lambda path, limits: (seen.append(path), real(path, limits))[1])
    assert set(statuses(["0.png", "in.png", "./0.png", "1.png"], images).values()) == {"ok"}
    assert sorted(path.name for path in seen) == ["0.png", "1.png"]


def test_headers_alone(images: Path) -> None:
    """A picture that breaks later is not found; what its beginning tells is."""
    limits = ImageLimits(max_bytes=1 << 20, max_pixels=1_000_000, threads=2, decode="header")
    for name, content in {
        "cut.jpg": encoded("JPEG")[:-200],
        "page.jpg": b"<html>404</html>",
        "large.jpg": png_claiming(1001, 1000),
        "empty.jpg": b"",
    }.items():
        (images / name).write_bytes(content)
    found = check_images(["0.png", "cut.jpg", "page.jpg", "large.jpg", "empty.jpg"], images, limits)
    assert {name: fault and fault.status for name, fault in found.items()} == {
        "0.png": None, "cut.jpg": None, "page.jpg": "wrong_format", "large.jpg": "too_large", "empty.jpg": "unreadable",
    }  # fmt: skip


def test_a_whole_picture_in_place_of_its_path_is_not_repeated(images: Path) -> None:
    name = "data:image/png;base64," + "A" * 100_000
    fault = check_images([name], images, LIMITS)[name]
    assert fault is not None and fault.status == "escapes_folder" and len(str(fault)) < 400
