"""Decide whether to encode every picture once and cache the features on the disk."""

from shallowsight.study.experiment import Experiment
from shallowsight.study.layers import Layers
from shallowsight.study.legal import widths_of
from shallowsight.study.resolved import TowerFacts
from shallowsight.study.stages import STAGES

CACHE_LIMIT = 20e9  # bytes; a larger cache of features is not worth its disk space
_HALF = 2  # bytes of a float16


def pays_to_cache(base: Experiment, tower: TowerFacts, tokens: int, images: int) -> bool:
    """Whether features are read more often than they are encoded, and fit the disk of a laptop.

    The paper's full study would need 16 TB to save two percent of its time; the embedded default needs half a gigabyte
    to save most of its time. The answer depends only on the experiment, so that every machine, and the study with other
    seeds or other settings, get the same answer: all layers of the tower count, not only those that settings read.
    """
    if base.pretrain.picture != base.finetune.picture:
        return False  # the stages prepare pictures differently, so they cannot share features
    seen = sum((base.stage(name).updates or 0) * base.stage(name).global_batch for name in STAGES)
    read_again = seen > images or base.finetune.epochs is not None
    layers = range(1, tower.depth + 1)
    return read_again and sum(layer_bytes(tower, layer, tokens, images) for layer in layers) < CACHE_LIMIT


def layer_bytes(tower: TowerFacts, layer: int, tokens: int, images: int) -> int:
    """The bytes of one layer's features of all pictures, with `tokens` patch vectors in each; settings share them."""
    (width,) = widths_of(tower, Layers.of(layer)).values()
    return images * tokens * width * _HALF
