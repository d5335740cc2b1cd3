"""How a picture becomes the square that a tower takes. Memory follows the target, not the longer side of the picture.

Shapes: S pixels of a target's side.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

_LONG = 8  # of proportions; what is longer is cropped before it is resized
_MANY = 64  # a side is first averaged down to this many times the target's: what the filter sees is the same


def squared(picture: "Image.Image", shape: str, side: int, bars: tuple[int, ...]) -> "Image.Image":
    """`shape` is one of config.PictureShape, `bars` the colour of the bars of a padded picture."""
    match shape:
        case "stretch":
            return _resized(picture, side, side)
        case "crop":
            return cropped(picture, side)
        case "pad":
            return padded(picture, side, bars)
    raise ValueError(f"no way {shape!r} to make a picture square")


def cropped(picture: "Image.Image", side: int) -> "Image.Image":
    """The middle of it in S x S: the shorter side becomes S, and what the other has more is cut.

    As CLIP's processor does it, which resizes the whole; of a picture of 1 x 20,000 that would be S x 20,000 S, so of
    long ones only the part that is kept is resized, which gives the same within four levels of 255.
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
    """All of it in S x S between bars of a colour, as LLaVA-1.5's finetuning (llava/mm_utils.py, expand2square).

    LLaVA makes the square first, which takes 600 MB for a screenshot of 1280 x 14000. Pillow resizes along the rows
    first, and each row by itself: here the square is made and narrowed a band of rows at a time, which gives the same
    bytes.
    """
    from PIL import Image

    picture = _reduced(picture, side)
    longer = max(picture.size)
    # Not ImageOps.pad: where the bars cannot be equal, it rounds to an even number and LLaVA down.
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
    """The same with a longer side of at most `_MANY` S; equal factors, so that the bars keep their share."""
    factor = -(-max(picture.size) // (_MANY * side))
    return picture.reduce(factor) if factor > 1 else picture


def _bicubic() -> "Image.Resampling":
    from PIL import Image

    return Image.Resampling.BICUBIC
