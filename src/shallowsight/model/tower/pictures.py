"""Pictures as a tower reads them, with the mean and deviation of colours that it was trained with."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shallowsight.data.pictures.squares import squared
from shallowsight.data.pictures.upright import upright_rgb
from shallowsight.errors import ConfigurationError
from shallowsight.model.files.pinned import Files, files_of
from shallowsight.model.tower import dinov2
from shallowsight.model.tower.facts import KEY
from shallowsight.study.experiment import EMBEDDED_TOWER

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor


@dataclass(frozen=True)
class Colours:
    """A byte b of a picture becomes (b * scale - mean) / std; one mean and deviation for each of red, green, blue."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    scale: float = 1 / 255

    @property
    def mean_bytes(self) -> tuple[int, ...]:
        """The mean colour, 0 to 255."""
        return tuple(min(255, int(part * round(1 / self.scale, 9))) for part in self.mean)


class PictureProcessor:
    """Turns pictures into the pixels [B, C, H, W] that a tower takes; H = W = image_size."""

    def __init__(self, tower: str, image_size: int, shape: str, revision: str | None = None) -> None:
        """`shape` says how a picture becomes square.

        stretch: the whole picture, with its proportions changed; crop: the middle of the picture, as CLIP was trained;
        pad: the whole picture with bars of the mean colour, as in LLaVA-1.5's finetuning.

        Raises:
            ConfigurationError: the tower's processor does not say how colours are scaled.
        """
        # The Pillow backend by name: otherwise transformers uses torchvision if it is installed, which resizes to other
        # bytes.
        from transformers import BitImageProcessorPil

        colours = Colours(dinov2.IMAGE_MEAN, dinov2.IMAGE_STD)
        if tower != EMBEDDED_TOWER:
            colours = _colours(tower, files_of(KEY, tower, revision))
        self._shape, self._side, self._bars = shape, image_size, colours.mean_bytes
        self._process = BitImageProcessorPil(
            do_resize=False,
            do_center_crop=False,
            rescale_factor=colours.scale,
            image_mean=colours.mean,
            image_std=colours.std,
        )

    def __call__(self, pictures: "Sequence[Image.Image]") -> "Tensor":
        """`pictures` may have any mode, transparency and EXIF orientation; a benchmark's pictures come unchanged."""
        squares = [squared(upright_rgb(picture), self._shape, self._side, self._bars) for picture in pictures]
        pixels: Tensor = self._process(squares, return_tensors="pt")["pixel_values"]
        return pixels


def _colours(tower: str, files: Files) -> Colours:
    """As the tower's own processor says them."""
    said = _processor(files)
    mean, std = said.get("image_mean"), said.get("image_std")
    if said.get("do_normalize") is False:
        mean, std = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    scale = said.get("rescale_factor", 1 / 255) if said.get("do_rescale", True) else 1.0
    if not mean or not std or len(mean) != 3 or len(std) != 3 or not scale or said.get("rescale_offset"):
        raise ConfigurationError(
            f"{KEY}: the processor of {tower!r} does not say how the colours of a picture are scaled "
            f"(image_mean={mean}, image_std={std}, rescale_factor={scale}); write image_mean and image_std, of red, "
            "green and blue, into preprocessor_config.json"
        )
    return Colours(tuple(mean), tuple(std), float(scale))


def _processor(files: Files) -> dict[str, Any]:
    """The values of the processor; as its file says them where transformers cannot make it without torchvision."""
    from transformers import AutoImageProcessor, BitImageProcessorPil

    try:
        made: dict[str, Any] = AutoImageProcessor.from_pretrained(files.place, revision=files.revision).to_dict()
    except (ImportError, ValueError):
        made = BitImageProcessorPil.get_image_processor_dict(files.place, revision=files.revision)[0]
    return made
