"""Open what a user wants to talk with, and about."""

from pathlib import Path
from typing import TYPE_CHECKING

from shallowsight.chat.model import ChatModel
from shallowsight.data.pictures.upright import FORMATS, upright_rgb
from shallowsight.errors import ConfigurationError
from shallowsight.export.cell import WANTED, find_cell
from shallowsight.export.earlier import holds_stock_model

if TYPE_CHECKING:
    from PIL import Image


def open_model(place: str, picture: str, setting: str, seed: int | None, tower: str, longest: int) -> ChatModel:
    """The model of a finetune cell, of a study with a setting and a seed, or of an exported folder.

    Raises:
        ConfigurationError: the folder is none of these, or there is no such picture.
    """
    seen = open_picture(picture)  # before the model, which takes longer
    if holds_stock_model(Path(place)):
        from shallowsight.chat.stock import StockModel

        return StockModel(Path(place), seen, longest)
    cell = find_cell(place, setting, seed, f"{WANTED}, or a folder that `shallowsight export` wrote")
    from shallowsight.chat.own import OwnModel

    return OwnModel(cell.folder, seen, tower or cell.tower_folder, longest)


def open_picture(path: str) -> "Image.Image":
    """The picture as its file has it; raises ConfigurationError for one that is not there or cannot be read."""
    from PIL import Image

    if not Path(path).is_file():
        raise ConfigurationError(f"no picture {path}" + (": it is a folder" if Path(path).is_dir() else ""))
    try:
        upright_rgb(Image.open(path, formats=FORMATS))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ConfigurationError(
            f"{path} is not a picture that can be read ({error}); {', '.join(FORMATS)} can be"
        ) from error
    # Opened again, because reading it upright changes it.
    return Image.open(path, formats=FORMATS)
