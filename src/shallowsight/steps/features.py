"""The step that encodes every picture once for all settings."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from shallowsight.observe.progress import Progress
from shallowsight.steps.machine import use_all_cores
from shallowsight.store.cells import Cell, encode_cell, prepare_cell
from shallowsight.store.computation import leave_note, this_computation
from shallowsight.store.store import Store
from shallowsight.study.image_tokens import feature_tokens
from shallowsight.study.resolved import Resolved

log = logging.getLogger(__name__)


def encode_features(resolved: Resolved, settings: Sequence[str], store: Store) -> list[Path]:
    """Cache the features of every layer that a setting uses or a probe looks at, reading each picture once.

    Returns the cells of the layers; none where caching would cost this study more time than it saves.
    """
    if not resolved.cache_features:
        log.info("features are not cached: for this study caching would cost more time than it saves")
        return []
    layers = sorted({layer for text in settings for layer in resolved.setting(text).layers.read})
    if resolved.study.probes:
        layers = list(range(1, resolved.tower.depth + 1))
    cells = {layer: encode_cell(resolved, layer) for layer in layers}
    facts, vision = resolved.tower, resolved.base.vision

    def make(folders: Mapping[Cell, Path]) -> None:
        from shallowsight.data.shards import Shards
        from shallowsight.model.encode import Encoder, PictureEncoder, encode_layers

        use_all_cores()
        for folder in folders.values():
            leave_note(folder, [this_computation(processes=1)])
        by_layer = {layer: folders[cell] for layer, cell in cells.items() if cell in folders}
        shards = Shards(store.folder(prepare_cell(resolved)))
        encoder = Encoder(PictureEncoder(vision, facts, max(by_layer), resolved.base.finetune.picture), shards)
        tokens = feature_tokens(facts, vision)
        encode_layers(encoder, list(shards.keys()), by_layer, tokens, facts.width_of, Progress("encoding pictures"))

    return store.build_many(list(cells.values()), make)
