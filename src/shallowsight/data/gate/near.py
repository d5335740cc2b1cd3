"""Find pictures that are nearly the same: rescaled, encoded again, or cropped by up to 5 % of their sides.

Each picture is kept as a thumbnail. The whole thumbnail of one picture is compared with sixteen windows of the other,
each of which has all of a side or its first, middle or last 95 %, and the other way round. Two pictures are nearly the
same when a window differs by few levels and its values correlate. benchmarks/validation_parts/leak.py measures how many
copies this finds, and how many different pictures it takes for copies.

Shapes: A training pictures, B test pictures, T thumbnail's side, S window's side, W windows.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from PIL import Image

Thumbnails = npt.NDArray[np.uint8]  # [A, T, T, 3]
_Values = npt.NDArray[Any]  # of float32

THUMBNAIL = 32  # T
_SIDE = 16  # S
_KEPT = 0.95  # the part of a side that a crop keeps
MAX_LEVELS = 11.0  # root mean square difference of two windows, of 255
MIN_CORRELATION = 0.6
_FLAT = 2.0  # levels of standard deviation, below which a window is too even for a correlation
_BLOCK = 128  # training pictures that are compared at a time; the products of a block take 128 x 16 B x 4 bytes
_GREY = np.array([0.299, 0.587, 0.114], dtype=np.float32)


def thumbnail_of(picture: "Image.Image") -> npt.NDArray[np.uint8]:
    """The thumbnail [T, T, 3] of a picture in RGB."""
    from PIL import Image

    # Pillow's BOX averages all pixels of a large picture. A smaller picture is enlarged with BILINEAR, because BOX
    # would repeat pixels.
    kind = Image.Resampling.BOX if min(picture.size) >= THUMBNAIL else Image.Resampling.BILINEAR
    return np.asarray(picture.resize((THUMBNAIL, THUMBNAIL), kind))


def near_pairs(train: Thumbnails, test: Thumbnails) -> Iterator[tuple[int, int]]:
    """Every (place in `train`, place in `test`) of pictures that are nearly the same, in no particular order."""
    grey_B = test @ _GREY
    test_windows, test_whole = _windows(grey_B), _whole(grey_B)
    for start in range(0, len(train), _BLOCK):
        grey = train[start : start + _BLOCK] @ _GREY
        pairs = _alike(_whole(grey), test_windows)
        pairs |= {(a, b) for b, a in _alike(test_whole, _windows(grey))}
        for a, b in pairs:
            if _same_colours(train[start + a], test[b]):
                yield start + a, b


def _alike(whole: _Values, windows: _Values) -> set[tuple[int, int]]:
    """The places in whole thumbnails [A, S S] and windows [B, W, S S] where a window differs little and correlates."""
    W, n = windows.shape[1:]
    flat = windows.reshape(-1, n)
    # |a - b|^2 = |a|^2 + |b|^2 - 2 a b in one matrix product, so that there is only one array of the size A x B W.
    left = np.concatenate([-2 * whole, (whole**2).sum(axis=1, keepdims=True), np.ones((len(whole), 1))], axis=1)
    right = np.concatenate([flat, np.ones((len(flat), 1)), (flat**2).sum(axis=1, keepdims=True)], axis=1)
    squares = left.astype(np.float32) @ right.astype(np.float32).T
    close = (squares <= MAX_LEVELS**2 * n).reshape(len(whole), -1, W)
    pairs = zip(*np.nonzero(close.any(axis=2)), strict=True)
    return {
        (int(a), int(b)) for a, b in pairs if any(_in_step(whole[a], windows[b, w]) for w in np.nonzero(close[a, b])[0])
    }


def _in_step(a: _Values, b: _Values) -> bool:
    """Whether two windows are light in the same places; always True if neither varies."""
    deviation_a, deviation_b = a.std(), b.std()
    if max(deviation_a, deviation_b) < _FLAT:
        return True
    covariance = ((a - a.mean()) * (b - b.mean())).mean()
    return bool(covariance >= MIN_CORRELATION * deviation_a * deviation_b)


def _same_colours(a: npt.NDArray[np.uint8], b: npt.NDArray[np.uint8]) -> bool:
    """Compare the colours too, because in grey a red square equals a blue square of the same lightness."""
    one, other = (np.moveaxis(each, -1, 0).astype(np.float32) for each in (a, b))  # [3, T, T]
    pairs = ((_whole(one)[:, None], _windows(other)), (_whole(other)[:, None], _windows(one)))
    return any(bool((((x - y) ** 2).mean(axis=(0, 2)) <= MAX_LEVELS**2).any()) for x, y in pairs)


def _whole(grey: _Values) -> _Values:
    """[A, S S] of [A, T, T]."""
    return _window(grey, _FRAMES[0], _FRAMES[0])


def _window(grey: _Values, rows: _Values, columns: _Values) -> _Values:
    return (rows @ grey @ columns.T).reshape(len(grey), -1)


def _windows(grey: _Values) -> _Values:
    """[A, W, S S] from [A, T, T]; the first window is the whole thumbnail."""
    parts = [_window(grey, y, x) for y in _FRAMES for x in _FRAMES]
    return np.stack(parts, axis=1)


def _frame(first: float, last: float) -> _Values:
    """[S, T]: a matrix that averages S equal parts of the range from `first` to `last`, given as shares of a side."""
    edges = np.linspace(first * THUMBNAIL, last * THUMBNAIL, _SIDE + 1)
    pixel = np.arange(THUMBNAIL)
    covered = np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel)
    shares = np.clip(covered, 0, None)
    return np.asarray(shares / shares.sum(axis=1, keepdims=True), dtype=np.float32)


_FRAMES = [_frame(0, 1), *(_frame(start, start + _KEPT) for start in (0, (1 - _KEPT) / 2, 1 - _KEPT))]
