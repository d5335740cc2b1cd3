"""Image files that nobody has vetted: where they may lie, what they may be, and whether they decode.

Every file is decoded completely here, so that no decode error can stop a training run later.
"""

import os
import re
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from shallowsight.data.pictures.upright import FORMATS, upright_rgb
from shallowsight.errors import MissingPackage, ShallowsightError

if TYPE_CHECKING:
    from PIL import Image

T = TypeVar("T")
U = TypeVar("U")
_SHOWN = 200  # characters of a path in a message
_BATCH = 1024  # files handed to the threads at a time, so that a million names make no million futures


@dataclass(frozen=True, kw_only=True)
class ImageLimits:
    """Caps against image bombs; the pixel cap is below Pillow's own warning (89 million)."""

    max_bytes: int = 64 << 20
    max_pixels: int = 64_000_000
    decode: Literal["all", "header"] = "all"  # what is read of a file
    threads: int = field(default_factory=lambda: min(16, os.cpu_count() or 1))


class ImageError(ShallowsightError):
    """An image file is refused; `status` is the word for the table."""

    def __init__(self, status: str, message: str) -> None:
        super().__init__(message)
        self.status = status


def require_plain(name: str) -> None:
    """That an image path stays inside whatever folder, or prefix of a bucket, it starts from.

    Raises:
        ImageError: escapes_folder (absolute, `..`, URL, NUL) or missing (empty).
    """
    parts = re.split(r"[/\\]", name)
    if "\0" in name or "://" in name or name.lower().startswith(("data:", "file:")) or not parts[0] or ".." in parts:
        if name:
            raise ImageError(
                "escapes_folder", f"image path {_short(name)} is not a plain path inside the images folder"
            )
        raise ImageError("missing", "the image path is empty")


def _short(name: str) -> str:
    """For messages: a whole picture may stand where its path should (data:image/png;base64,...)."""
    return repr(name if len(name) <= _SHOWN else f"{name[:_SHOWN]}...")


def place(name: str, root: Path) -> Path:
    """The real file that `name` means below `root`, which must be resolved already.

    Raises:
        ImageError: escapes_folder (also a link that leads out) or missing.
    """
    require_plain(name)
    try:
        real = (root / name).resolve()
        if not real.is_relative_to(root):
            raise ImageError("escapes_folder", f"image path {_short(name)} leads out of the images folder")
        if real.is_file():
            return real
    except (OSError, RuntimeError, ValueError):  # name too long, loop of links, not encodable
        pass
    raise ImageError("missing", f"no image file {_short(name)}")


def decode(path: Path, limits: ImageLimits) -> "Image.Image":
    """The whole image, upright and in RGB; call it inside `strict_decoding`.

    Raises:
        ImageError: too_large, wrong_format or unreadable.
    """
    from PIL import Image

    with _faults_of(path):
        with path.open("rb") as stream:
            content = stream.read(limits.max_bytes + 1)
        _require_bytes(path, len(content), limits)
        with Image.open(BytesIO(content), formats=FORMATS) as image:
            _require_pixels(path, image, limits)
            image.verify()  # checksums; the image must be opened again after it
        with Image.open(BytesIO(content), formats=FORMATS) as image:
            return upright_rgb(image)


def read_header(path: Path, limits: ImageLimits) -> None:
    """That a file begins as a picture of a format and size that is read; its pixels may be broken all the same.

    Raises:
        ImageError: too_large, wrong_format or unreadable.
    """
    from PIL import Image

    with _faults_of(path):
        _require_bytes(path, path.stat().st_size, limits)
        with Image.open(path, formats=FORMATS) as image:
            _require_pixels(path, image, limits)


def _require_bytes(path: Path, size: int, limits: ImageLimits) -> None:
    if size > limits.max_bytes:
        raise ImageError("too_large", f"{path} has more than {limits.max_bytes} bytes")
    if not size:
        raise ImageError("unreadable", f"{path} is empty")


def _require_pixels(path: Path, image: "Image.Image", limits: ImageLimits) -> None:
    if image.width * image.height > limits.max_pixels:
        raise ImageError("too_large", f"{path} has {image.width} x {image.height} pixels")


@contextmanager
def _faults_of(path: Path) -> Iterator[None]:
    """Whatever reading a picture raises, as an ImageError with the decoder's words."""
    from PIL import Image, UnidentifiedImageError

    try:
        yield
    except ImageError:
        raise
    except UnidentifiedImageError:
        raise ImageError("wrong_format", f"{path} is by its content none of {', '.join(FORMATS)}") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError("too_large", f"{path}: {error}") from None
    except Exception as error:  # decoders raise anything: OSError, SyntaxError, struct.error, IndexError, MemoryError
        raise ImageError("unreadable", f"{path}: {error or type(error).__name__}") from None


@contextmanager
def strict_decoding() -> Iterator[None]:
    """Truncated files and bombs are errors inside, whatever the process had set. Enter it in the main thread."""
    try:
        from PIL import Image, ImageFile
    except ImportError:
        raise MissingPackage("pillow", extra="data") from None

    lenient, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = lenient


def in_threads(work: Callable[[T], U], items: Iterable[T], threads: int) -> Iterator[U]:
    """`map` on a bounded pool, in order, with at most one batch under way."""
    todo = list(items)
    with ThreadPoolExecutor(max_workers=threads) as pool:
        for start in range(0, len(todo), _BATCH):
            yield from pool.map(work, todo[start : start + _BATCH])


def check_images(names: Iterable[str], root: Path, limits: ImageLimits) -> dict[str, ImageError | None]:
    """What is wrong with each image path, None where nothing is; each distinct file is read once."""
    root = root.resolve()
    faults: dict[str, ImageError | None] = {}
    files: dict[str, Path] = {}
    for name in names:
        try:
            files[name] = place(name, root)
        except ImageError as fault:
            faults[name] = fault

    read = decode if limits.decode == "all" else read_header

    def fault_of(path: Path) -> ImageError | None:
        try:
            read(path, limits)
        except ImageError as fault:
            return fault
        return None

    distinct = list(dict.fromkeys(files.values()))
    with strict_decoding():
        found = dict(zip(distinct, in_threads(fault_of, distinct, limits.threads), strict=True))
    return faults | {name: found[path] for name, path in files.items()}
