"""From pictures to features: run the tower over images of the shards, for the feature cache and for live training.

Shapes: B images, C channels, H W pixels, N image tokens, D vision width.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import torch
from PIL.Image import Image
from torch import Tensor

from shallowsight.data.features import FeatureWriter
from shallowsight.model.threads import threads_of
from shallowsight.model.tower.loading import load_tower
from shallowsight.model.tower.pictures import PictureProcessor
from shallowsight.model.tower.tower import features_of
from shallowsight.study.experiment import Vision
from shallowsight.study.resolved import TowerFacts
from shallowsight.study.stages import PictureShape

BATCH = 16  # images that are read at once; on a GPU they are also encoded at once


class PictureEncoder:
    """Encodes pictures with the tower of a study, whose layers above the deepest one in use are removed."""

    def __init__(self, vision: Vision, facts: TowerFacts, deepest: int, shape: PictureShape) -> None:
        self.tower = load_tower(vision, facts, deepest)
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.tower.to(self._device)
        self.vision = vision
        self.pixels = PictureProcessor(vision.tower, vision.image_size, shape, vision.revision)

    def hidden_states(self, pixels_BCHW: Tensor) -> tuple[Tensor, ...]:
        """`[k]` is layer k's raw output [B, prefix tokens + N, D]."""
        return self._each(pixels_BCHW, self.tower.hidden_states)

    def features(self, pixels_BCHW: Tensor, layers: Sequence[int]) -> list[Tensor]:
        """One [B, N, D] per layer, rounded to half precision as the cache holds it."""
        with torch.inference_mode():
            taken = self._each(pixels_BCHW, lambda passing: self._features(passing, layers))
        # Cloned outside inference mode, because training cannot use tensors of inference mode.
        return [features.clone() for features in taken]

    def _features(self, passing_BCHW: Tensor, layers: Sequence[int]) -> list[Tensor]:
        states = self.tower.hidden_states(passing_BCHW)
        return [features_of(self.tower, states[k], self.vision).half().float() for k in layers]

    def _each(self, pixels_BCHW: Tensor, look: Callable[[Tensor], Sequence[Tensor]]) -> tuple[Tensor, ...]:
        """The results of `look` for a batch of pictures, one [B, ...] per layer.

        On a CPU each picture is encoded alone, in its own memory and by one thread, because the order of a sum depends
        on the size of the batch, the place in it, the alignment of memory and the number of threads. This makes a
        picture's features equal bit for bit in every batch. Several threads encode several pictures at the same time.
        """
        if self._device.type != "cpu":
            return tuple(look(pixels_BCHW.to(self._device)))
        alone = [picture.clone(memory_format=torch.contiguous_format) for picture in torch.split(pixels_BCHW, 1)]
        at_once = min(len(alone), torch.get_num_threads())
        with threads_of(1):
            if at_once == 1:
                seen = [look(picture) for picture in alone]
            else:
                with ThreadPoolExecutor(at_once, initializer=torch.set_num_threads, initargs=(1,)) as pool:
                    seen = list(pool.map(look, alone))
        return tuple(torch.cat(layer) for layer in zip(*seen, strict=True))


class Pictures(Protocol):
    """Gives the pictures of a data set."""

    def image(self, key: str) -> Image:
        """Upright and in RGB."""
        ...


class Encoder:
    """A PictureEncoder over the pictures of one data set, by key."""

    def __init__(self, pictures: PictureEncoder, shown: Pictures) -> None:
        self.pictures = pictures
        self._shown = shown

    def pixels(self, keys: Sequence[str]) -> Tensor:
        """The pixels [B, C, H, W] of pictures, which are read, decoded and resized."""
        return self.pictures.pixels([self._shown.image(key) for key in keys])

    def hidden_states(self, keys: Sequence[str]) -> tuple[Tensor, ...]:
        return self.pictures.hidden_states(self.pixels(keys))

    def features(self, keys: Sequence[str], layers: Sequence[int]) -> list[Tensor]:
        return self.pictures.features(self.pixels(keys), layers)


def encode_layers(
    encoder: Encoder,
    keys: Sequence[str],
    folders: Mapping[int, Path],
    tokens: int,
    width_of: Callable[[int], int],
    on_progress: Callable[[int, int], None],
) -> None:
    """Write the features of every image into one folder per layer, reading each picture once.

    `width_of` gives the width of a layer.
    """
    layers = sorted(folders)
    writers = [FeatureWriter(folders[layer], keys, tokens, width_of(layer)) for layer in layers]
    at_once = max(BATCH, torch.get_num_threads())
    for first in range(0, len(keys), at_once):
        batch = keys[first : first + at_once]
        for writer, features in zip(writers, encoder.features(batch, layers), strict=True):
            writer.write(first, features)
        on_progress(first + len(batch), len(keys))
    for writer in writers:
        writer.close()
