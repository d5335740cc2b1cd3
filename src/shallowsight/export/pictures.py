"""The study's way from a picture to pixels as an image processor of transformers."""

from collections.abc import Sequence

from transformers import AutoImageProcessor, CLIPImageProcessorPil

from shallowsight.model.files.pinned import files_of
from shallowsight.model.tower import dinov2
from shallowsight.study.experiment import EMBEDDED_TOWER, Vision
from shallowsight.study.stages import PictureShape


def stock_pictures(vision: Vision, shape: PictureShape) -> CLIPImageProcessorPil:
    """`stretch` and `crop` give the study's pixels for an 8-bit RGB picture; for `pad` there is no stock processor.

    In place of `pad` the picture is stretched, because both show all of it.
    """
    image_size = vision.image_size
    mean, std = _mean_and_deviation(vision)
    square = {"height": image_size, "width": image_size}
    return CLIPImageProcessorPil(
        size={"shortest_edge": image_size} if shape == "crop" else square,
        crop_size=square,  # vLLM and transformers count image tokens by it, also where nothing is cropped
        do_center_crop=shape == "crop",
        image_mean=list(mean),
        image_std=list(std),
    )


def different_pictures(shape: PictureShape) -> tuple[str, ...]:
    """How a stock processor reads pictures differently, in sentences."""
    found = [
        "a picture is not turned by its EXIF orientation, its transparent parts become black instead of white, and "
        "16-bit pictures lose their range: hand over upright 8-bit RGB pictures",
        "where torchvision is installed, transformers may resize with it, which rounds a little differently; "
        '`backend="pil"` in AutoProcessor.from_pretrained gives the study\'s pixels',
    ]
    if shape == "pad":
        found.insert(
            0,
            "the study padded pictures to a square with bars of the mean colour, which no stock image processor does "
            "(CLIP's has no `pad`): here a picture that is not square is stretched. Pad it before, or expect other "
            "answers",
        )
    if shape == "crop":
        found.append("of a picture that is over eight times as long as wide, values differ by up to 4 of 255")
    return tuple(found)


def _mean_and_deviation(vision: Vision) -> tuple[Sequence[float], Sequence[float]]:
    """Of the tower's own pictures, as `PictureProcessor` takes them."""
    if vision.tower == EMBEDDED_TOWER:
        return dinov2.IMAGE_MEAN, dinov2.IMAGE_STD
    files = files_of("vision.tower", vision.tower, vision.revision)
    own = AutoImageProcessor.from_pretrained(files.place, revision=files.revision)
    return own.image_mean, own.image_std
