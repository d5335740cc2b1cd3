"""The pictures of a folder without records."""

from pathlib import Path

import pytest
from PIL import Image

from shallowsight.data.pictures.folder import PictureFolder, read_picture
from shallowsight.errors import ConfigurationError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two pictures, one without a suffix and in a subfolder; a text; a picture that ends early; hidden files."""
    (tmp_path / "b" / ".hidden").mkdir(parents=True)
    Image.new("RGB", (30, 20), "red").save(tmp_path / "a.png")
    Image.new("L", (9, 9)).save(tmp_path / "b" / "no suffix", "JPEG")
    (tmp_path / "notes.txt").write_text("no picture")
    Image.effect_noise((90, 90), 50).save(tmp_path / "whole.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "whole.png").read_bytes()[:2000])
    (tmp_path / "whole.png").unlink()
    Image.new("RGB", (9, 9)).save(tmp_path / ".a.png")
    Image.new("RGB", (9, 9)).save(tmp_path / "b" / ".hidden" / "c.png")
    return tmp_path


def test_pictures_are_found_by_content(folder: Path) -> None:
    found = PictureFolder(folder)
    assert found.names == ["a.png", "b/no suffix", "cut.png"]
    assert list(found.unreadable) == ["notes.txt"] and str(folder) not in found.unreadable["notes.txt"]


def test_pictures_that_cannot_be_decoded_are_named(folder: Path) -> None:
    found = PictureFolder(folder)
    read = found.read(found.names)
    assert [(name, picture.size, picture.mode) for name, picture in read.items()] == [
        ("a.png", (30, 20), "RGB"),
        ("b/no suffix", (9, 9), "RGB"),
    ]
    assert list(found.unreadable) == ["notes.txt", "cut.png"]
    assert found.faults.startswith("notes.txt (the content of it is none of PNG, ")


def test_messages_name_the_first_few(tmp_path: Path) -> None:
    Image.new("RGB", (9, 9)).save(tmp_path / "z.png")
    for number in range(5):
        (tmp_path / f"{number}.txt").write_text("x")
    assert PictureFolder(tmp_path).faults.endswith("; and 2 more")


def test_no_folder_and_no_pictures(tmp_path: Path) -> None:
    file = tmp_path / "file"
    for place, message in (
        (tmp_path / "none", "there is no such folder"),
        (tmp_path, f"no pictures in {tmp_path}: it has no files"),
    ):
        with pytest.raises(ConfigurationError, match=message):
            PictureFolder(place)
    file.write_text("x")
    with pytest.raises(ConfigurationError, match="it is a file; name its folder"):
        PictureFolder(file)
    with pytest.raises(ConfigurationError, match=r"its only file is none, file \(the content of it is none of"):
        PictureFolder(tmp_path)


def test_one_picture(folder: Path) -> None:
    assert read_picture(folder / "a.png").size == (30, 20)
    for name, message in (
        ("none.png", "there is no such file"),
        ("b", "it is a folder; name one picture"),
        ("notes.txt", "cannot be read: the content"),
        ("cut.png", "cannot be read"),
    ):
        with pytest.raises(ConfigurationError, match=message):
            read_picture(folder / name)
