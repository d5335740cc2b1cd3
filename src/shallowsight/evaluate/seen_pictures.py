"""Pictures of questions, encoded once for all questions about them.

Shapes: B pictures, N image tokens, D vision width.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from PIL import Image
from torch import Tensor

from shallowsight.model.encode import PictureEncoder

ROOM = 1e9  # bytes of features that are kept; those that were not used for the longest time go first


@dataclass(frozen=True)
class Seen:
    """A picture with a name that equal pictures share. It is opened when it is needed: there may be thousands."""

    key: str
    open: Callable[[], Image.Image]

    @classmethod
    def of(cls, opening: Callable[[], Image.Image]) -> Self:
        """Opens the picture once for its name."""
        image = opening()
        header = f"{image.mode} {image.size} ".encode()
        return cls(hashlib.sha256(header + image.tobytes()).hexdigest(), opening)

    def __reduce__(self) -> tuple[Callable[[str, Image.Image], "Seen"], tuple[str, Image.Image]]:
        """Pickled with its picture, because another process cannot open it."""
        return _opened, (self.key, self.open().copy())


def _opened(key: str, image: Image.Image) -> Seen:
    return Seen(key, lambda: image)


class SeenPictures:
    """Gives the features of pictures in some layers, and keeps them for the next questions about the same pictures."""

    def __init__(self, encoder: PictureEncoder, layers: Sequence[int]) -> None:
        self._encoder, self._layers = encoder, layers
        self._kept: OrderedDict[str, list[Tensor]] = OrderedDict()  # key -> [N, D] of each layer, in half precision
        self._bytes = 0

    def features(self, pictures: Sequence[Seen]) -> list[Tensor]:
        """One [B, N, D] per layer, rounded to half precision as the cache of a study holds it."""
        new = {picture.key: picture for picture in pictures if picture.key not in self._kept}
        found = {key: self._use(key) for key in {p.key for p in pictures} - new.keys()}
        if new:
            encoded = self._encoder.features(self._encoder.pixels([p.open() for p in new.values()]), self._layers)
            for number, key in enumerate(new):
                found[key] = [layer[number].half().cpu() for layer in encoded]
                self._keep(key, found[key])
        columns = zip(*(found[picture.key] for picture in pictures), strict=True)
        return [torch.stack(layer).float() for layer in columns]

    def _use(self, key: str) -> list[Tensor]:
        self._kept.move_to_end(key)
        return self._kept[key]

    def _keep(self, key: str, features: list[Tensor]) -> None:
        self._kept[key] = features
        self._bytes += sum(layer.nbytes for layer in features)
        while self._bytes > ROOM and len(self._kept) > 1:
            _, gone = self._kept.popitem(last=False)
            self._bytes -= sum(layer.nbytes for layer in gone)
