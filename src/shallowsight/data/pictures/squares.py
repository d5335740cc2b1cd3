"""Make a picture square for a tower. Memory grows with the target's size, not with the picture's longer side.

Shapes: S pixels of a target's side.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

_LONG = 8  # times the shorter side; a picture with a longer side is cropped before it is resized
_MANY = 64  # a very long side is first averaged down to this many times the target's; the result is the same


def squared(picture: "Image.Image", shape: str, side: int, bars: tuple[int, ...]) -> "Image.Image":
    """The square picture; `shape` is a PictureShape, `bars` the colour of the bars of a padded picture."""
    match shape:
        case "stretch":
            return _resized(picture, side, side)
        case "crop":
            return cropped(picture, side)
        case "pad":
            return padded(picture, side, bars)
    raise ValueError(f"unknown shape {shape!r} for a picture")


def cropped(picture: "Image.Image", side: int) -> "Image.Image":
    """The middle of a picture as S x S: the shorter side becomes S, and the ends of the longer side are cut off.

    CLIP's processor resizes the whole picture first. For 1 x 20,000 pixels that would be S x 20,000 S, so for a long
    picture only the part that is kept is resized, with the same result within four levels of 255.
    """
    shorter = min(picture.size)
    width, height = (side * own // shorter for own in picture.size)  # as CLIP's processor rounds them
    left, upper = (width - side) // 2, (height - side) // 2
    if max(width, height) <= _LONG * side:
        return _resized(picture, width, height).crop((left, upper, left + side, upper + side))
    x, y = picture.width / width, picture.height / height
    kept = (left * x, upper * y, (left + side) * x, (upper + side) * y)
    return picture.resize((side, side), _bicubic(), box=kept)


def padded(picture: "Image.Image", side: int, bars: tuple[int, ...]) -> "Image.Image":
    """The whole picture as S x S with bars of a colour, as in LLaVA-1.5 (llava/mm_utils.py, expand2square).

    LLaVA makes the large square first, which takes 600 MB for a screenshot of 1280 x 14000. Pillow resizes along the
    rows first, and each row independently. So here the square is made and narrowed one band of rows at a time, which
    gives the same bytes.
    """
    from PIL import Image

    picture = _reduced(picture, side)
    longer = max(picture.size)
    # Not ImageOps.pad: if the bars cannot be equal, it rounds to an even number, but LLaVA rounds down.
    left, upper = ((longer - own) // 2 for own in picture.size)
    narrowed = Image.new("RGB", (side, longer), bars)
    for top in range(0, picture.height, side):
        rows = min(side, picture.height - top)
        band = Image.new("RGB", (longer, rows), bars)
        band.paste(picture.crop((0, top, picture.width, top + rows)), (left, 0))
        narrowed.paste(_resized(band, side, rows), (0, upper + top))
    return _resized(narrowed, side, side)


def _resized(picture: "Image.Image", width: int, height: int) -> "Image.Image":
    return picture.resize((width, height), _bicubic())


def _reduced(picture: "Image.Image", side: int) -> "Image.Image":
    """The picture with a longer side of at most `_MANY` S and unchanged proportions, so that the bars stay the same."""
    factor = -(-max(picture.size) // (_MANY * side))
    return picture.reduce(factor) if factor > 1 else picture


def _bicubic() -> "Image.Resampling":
    from PIL import Image

    return Image.Resampling.BICUBIC
