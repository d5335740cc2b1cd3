"""Check image files of unknown origin: their paths, formats and sizes, and whether they decode.

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
from shallowsight.store.lfs import MEND, is_pointer

if TYPE_CHECKING:
    from PIL import Image

T = TypeVar("T")
U = TypeVar("U")
_SHOWN = 200  # the most characters of a path in a message
_BATCH = 1024  # files given to the threads at a time, so that a million names do not make a million futures


@dataclass(frozen=True, kw_only=True)
class ImageLimits:
    """Limits against image bombs; the pixel limit is below that of Pillow's own warning (89 million)."""

    max_bytes: int = 64 << 20
    max_pixels: int = 64_000_000
    decode: Literal["all", "header"] = "all"  # the part of a file that is read
    threads: int = field(default_factory=lambda: min(16, os.cpu_count() or 1))


class ImageError(ShallowsightError):
    """An image file is refused; `status` is the value of the column image_status."""

    def __init__(self, status: str, message: str) -> None:
        super().__init__(message)
        self.status = status


def require_plain(name: str) -> None:
    """Check that an image path stays inside its folder, or its prefix of a bucket.

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
    """The path for messages, shortened: a record may hold a whole picture instead of a path (data:image/png;...)."""
    return repr(name if len(name) <= _SHOWN else f"{name[:_SHOWN]}...")


def place(name: str, root: Path) -> Path:
    """The file that `name` names below `root`, which must be a resolved path.

    Raises:
        ImageError: escapes_folder (also for a link that leads out of the folder) or missing.
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
            image.verify()  # compares checksums; the image must be opened again after this
        with Image.open(BytesIO(content), formats=FORMATS) as image:
            return upright_rgb(image)


def read_header(path: Path, limits: ImageLimits) -> None:
    """Check that a file's header is that of a picture with an accepted format and size; its pixels are not decoded.

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
    """Turn every error from reading a picture into an ImageError with the decoder's message."""
    from PIL import Image, UnidentifiedImageError

    try:
        yield
    except ImageError:
        raise
    except UnidentifiedImageError:
        if is_pointer(path):
            raise ImageError("wrong_format", f"{path} is a pointer of git-lfs, not the picture; {MEND}") from None
        raise ImageError("wrong_format", f"the content of {path} is none of {', '.join(FORMATS)}") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError("too_large", f"{path}: {error}") from None
    except Exception as error:  # decoders raise many types: OSError, SyntaxError, struct.error, IndexError, MemoryError
        raise ImageError("unreadable", f"{path}: {error or type(error).__name__}") from None


@contextmanager
def strict_decoding() -> Iterator[None]:
    """Make truncated files and image bombs errors in the block, whatever the process had set; for the main thread."""
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
    """`map` in a pool of threads, with results in order, and at most one batch of items at a time."""
    todo = list(items)
    with ThreadPoolExecutor(max_workers=threads) as pool:
        for start in range(0, len(todo), _BATCH):
            yield from pool.map(work, todo[start : start + _BATCH])


def check_images(names: Iterable[str], root: Path, limits: ImageLimits) -> dict[str, ImageError | None]:
    """The fault of each image path, or None; each distinct file is read once."""
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
