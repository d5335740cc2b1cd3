"""Turn a picture file into upright 8-bit RGB pixels. Every part of a study reads pictures through this module."""

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from PIL import Image

# Raster formats of Pillow's own decoders, recognised by content and never by a file's name. From a file with several
# frames (GIF, TIFF, animated WEBP and PNG) the first is taken.
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "JPEG2000", "PPM", "AVIF")
_WHITE = (255, 255, 255)
_SIXTEEN_BITS, _EIGHT_BITS = 65535, 255
_ORIENTATION = 0x0112  # the tag of EXIF
_KEY = "transparency"  # where Pillow keeps the one level or colour that is transparent
_STEPS = {"L;2": 85, "L;4": 17}  # the factors by which Pillow multiplies grey levels of 2 and 4 bits
# The errors that Pillow raises for broken EXIF data; the pixels may be intact all the same.
_BROKEN_EXIF = (OSError, ValueError, SyntaxError, KeyError, IndexError, TypeError, struct.error)


def upright_rgb(image: "Image.Image") -> "Image.Image":
    """The picture as a viewer shows it: turned by its EXIF orientation, white where it is transparent, in 8 bits.

    16-bit grey levels are divided by 257, so that 65,535 becomes 255. From 16-bit colours Pillow keeps the upper byte,
    which differs by one level at most. Other integers and floats have no fixed range: 0 is black, and white is the
    first of 1 (for floats), 255, 65,535 and the picture's maximum that is not below the maximum.

    Raises:
        ValueError: pixels that Pillow cannot turn into RGB.
    """
    sixteen_bits = image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PPM")
    _spread_transparent_grey(image)
    image = _upright(image)
    if image.mode.startswith(("I", "F")):
        rgb = _eight_bits(image, sixteen_bits).convert("RGB")
    elif image.has_transparency_data:
        rgb = _on_white(_with_key_of_8_bits(image).convert("RGBA"))
    else:
        rgb = image.convert("RGB")
    rgb.info.clear()  # otherwise a later reader of the EXIF orientation would turn the picture again
    return rgb


def _upright(image: "Image.Image") -> "Image.Image":
    # Not ImageOps.exif_transpose: it writes all EXIF data again, and fails if any other tag is malformed.
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    image.load()  # for a TIFF, Pillow then turns the pixels itself, and removes the tag
    try:
        orientation = image.getexif().get(_ORIENTATION)
    except _BROKEN_EXIF:
        return image
    return image.transpose(turns[orientation]) if orientation in turns else image


def _spread_transparent_grey(image: "Image.Image") -> None:
    """Scale the transparent level like the pixels; must be called before the picture is loaded.

    Pillow scales the pixels of 2-bit and 4-bit grey to 0 to 255, but not the level that is transparent.
    """
    key, tiles = image.info.get(_KEY), getattr(image, "tile", None)
    if image.mode == "L" and isinstance(key, int) and tiles and tiles[0][3] in _STEPS:
        image.info[_KEY] = key * _STEPS[tiles[0][3]]


def _with_key_of_8_bits(image: "Image.Image") -> "Image.Image":
    """Reduce the transparent colour to 8 bits: Pillow keeps its 16 bits, but only the upper bytes of the pixels."""
    key = image.info.get(_KEY)
    if isinstance(key, tuple) and max(key) > _EIGHT_BITS:
        image = image.copy()
        image.info[_KEY] = tuple(part >> 8 for part in key)
    return image


def _on_white(image: "Image.Image") -> "Image.Image":
    from PIL import Image

    ground = Image.new("RGBA", image.size, (*_WHITE, 255))
    ground.alpha_composite(image)
    return ground.convert("RGB")


def _eight_bits(image: "Image.Image", sixteen_bits: bool) -> "Image.Image":
    import numpy as np
    from PIL import Image

    # "I;16B" and similar modes differ only in their byte order, which Pillow tells numpy.
    levels = np.nan_to_num(np.asarray(image), nan=0.0, posinf=0.0, neginf=0.0)
    top = _SIXTEEN_BITS if sixteen_bits else _top(levels, image.mode)
    scaled = np.rint(np.clip(levels, 0, top).astype(np.float64) * (_EIGHT_BITS / top)).astype(np.uint8)
    key = image.info.get(_KEY)
    if isinstance(key, int):
        scaled = np.where(levels == key, np.uint8(_EIGHT_BITS), scaled)
    return Image.fromarray(scaled)


def _top(levels: "npt.NDArray[np.generic]", mode: str) -> float:
    """The level that becomes white."""
    highest = float(levels.max(initial=0))
    steps = (1, _EIGHT_BITS, _SIXTEEN_BITS) if mode == "F" else (_EIGHT_BITS, _SIXTEEN_BITS)
    return next((float(step) for step in steps if highest <= step), highest)
