"""Pictures of questions, encoded once for all questions about them.

Shapes: B pictures, N image tokens, D vision width.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from PIL import Image
from torch import Tensor

from shallowsight.evaluate.kept_pictures import KeptPictures
from shallowsight.model.encode import PictureEncoder

ROOM = 1e9  # bytes of features that are held; those that were not used for the longest time go first


@dataclass(frozen=True)
class Seen:
    """A picture with a name that equal pictures share. It is opened when it is needed: there may be thousands."""

    key: str
    open: Callable[[], Image.Image]

    @classmethod
    def of(cls, opening: Callable[[], Image.Image]) -> Self:
        """Opens the picture once for its name."""
        image = opening().convert("RGB")  # as the tower sees it; of a palette picture the bytes say nothing else
        header = f"{image.mode} {image.size} ".encode()
        return cls(hashlib.sha256(header + image.tobytes()).hexdigest(), opening)

    def __reduce__(self) -> tuple[Callable[[str, Image.Image], "Seen"], tuple[str, Image.Image]]:
        """Pickled with its picture, because another process cannot open it."""
        return _opened, (self.key, self.open().copy())


def _opened(key: str, image: Image.Image) -> Seen:
    return Seen(key, lambda: image)


class SeenPictures:
    """Gives the features of pictures in some layers, and holds them for the next questions about the same pictures.

    `encoder` loads the tower up to a layer: when a picture comes that is not in `kept`. With `kept` it looks at a
    picture for all settings at once.
    """

    def __init__(
        self, encoder: Callable[[int], PictureEncoder], layers: Sequence[int], kept: KeptPictures | None
    ) -> None:
        self._load, self._layers, self._kept = encoder, layers, kept
        self._encoder: PictureEncoder | None = None
        self._held: OrderedDict[str, list[Tensor]] = OrderedDict()  # key -> [N, D] of each layer, in half precision
        self._bytes = 0

    def features(self, pictures: Sequence[Seen]) -> list[Tensor]:
        """One [B, N, D] per layer, rounded to half precision as the cache of a study holds it."""
        missing = {picture.key: picture for picture in pictures if picture.key not in self._held}
        found = {key: self._use(key) for key in {p.key for p in pictures} - missing.keys()}
        found |= self._read(missing)
        if new := [picture for key, picture in missing.items() if key not in found]:
            found |= self._encoded(new)
        for key in missing:
            self._hold(key, found[key])
        columns = zip(*(found[picture.key] for picture in pictures), strict=True)
        return [torch.stack(layer).float() for layer in columns]

    def _read(self, keys: Iterable[str]) -> dict[str, list[Tensor]]:
        if self._kept is None:
            return {}
        read = {key: self._kept.get(key, self._layers) for key in keys}
        return {key: features for key, features in read.items() if features is not None}

    def _encoded(self, pictures: Sequence[Seen]) -> dict[str, list[Tensor]]:
        every = sorted({*self._layers, *(self._kept.layers if self._kept is not None else ())})
        if self._encoder is None:
            self._encoder = self._load(every[-1])
        taken = self._encoder.features(self._encoder.pixels([picture.open() for picture in pictures]), every)
        found = {}
        for number, picture in enumerate(pictures):
            by_layer = {layer: values[number].half().cpu() for layer, values in zip(every, taken, strict=True)}
            found[picture.key] = [by_layer[layer] for layer in self._layers]
            if self._kept is not None:
                self._kept.add(picture.key, by_layer)
        return found

    def _use(self, key: str) -> list[Tensor]:
        self._held.move_to_end(key)
        return self._held[key]

    def _hold(self, key: str, features: list[Tensor]) -> None:
        self._held[key] = features
        self._bytes += sum(layer.nbytes for layer in features)
        while self._bytes > ROOM and len(self._held) > 1:
            _, gone = self._held.popitem(last=False)
            self._bytes -= sum(layer.nbytes for layer in gone)
