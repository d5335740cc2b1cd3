"""What is neither a model nor a picture is told in one line."""

from pathlib import Path

import pytest
from PIL import Image, ImageFile

from shallowsight.chat.opening import open_model, open_picture
from shallowsight.errors import ConfigurationError


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    Image.effect_noise((40, 40), 50).save(tmp_path / "picture.png")
    (tmp_path / "text.png").write_text("no pixels")
    (tmp_path / "half.png").write_bytes((tmp_path / "picture.png").read_bytes()[:500])
    (tmp_path / "empty").mkdir()
    (tmp_path / "llama").mkdir()
    (tmp_path / "llama" / "config.json").write_text('{"model_type": "llama"}')
    (tmp_path / "llama" / "model.safetensors").write_text("")
    monkeypatch.chdir(tmp_path)
    # lmms-eval, which other tests import, makes Pillow accept pictures that are cut off, in the whole process.
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", False)
    return tmp_path


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("nowhere.png", "^no picture nowhere.png$"),
        ("empty", "^no picture empty: it is a folder"),
        ("text.png", "text.png is not a picture that can be read .* PNG, JPEG"),
        ("half.png", "half.png is not a picture that can be read"),
    ],
)
@pytest.mark.usefixtures("here")
def test_no_picture(path: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        open_picture(path)


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("empty", "neither a study nor a trained model: it holds nothing; .*, or a folder that `shallowsight export`"),
        ("nowhere", "no such folder"),
        ("llama", "holds a 'llama' model; a chat takes llava and vipllava"),
    ],
)
@pytest.mark.usefixtures("here")
def test_no_model(place: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        open_model(place, "picture.png", "", None, "", 4)
