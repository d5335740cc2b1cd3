"""The analysis step: the similarity of the tower's layers over a study's pictures, and the groups of layers."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from shallowsight.analysis.grouping import find_groups, stability
from shallowsight.analysis.sample import ANALYSIS_IMAGES, sample
from shallowsight.analysis.similarity import Similarity
from shallowsight.data.enough import require_pictures
from shallowsight.model.encode import BATCH, Encoder

ANALYSIS = "analysis.json"
GROUPS = 3
DRAWS = 200


def analyze(
    encoder: Encoder, depth: int, keys: Sequence[str], out: Path, on_progress: Callable[[int, int], None]
) -> None:
    """Write analysis.json: matrices, groups, and how often a bootstrap over the pictures finds each border.

    Raises:
        ConfigurationError: there are too few pictures.
    """
    require_pictures(len(keys))
    chosen = sample(keys, ANALYSIS_IMAGES)
    usable = len(chosen) - len(chosen) % BATCH
    whole, parts = Similarity(depth), []
    for first in range(0, usable, BATCH):
        states = encoder.hidden_states(chosen[first : first + BATCH])[1:]
        stacked = torch.stack([encoder.pictures.tower.patches(state) for state in states])
        whole.add(stacked)
        part = Similarity(depth)
        part.add(stacked)
        parts.append(part.cosine().numpy())
        on_progress(first + BATCH, usable)
    groups = min(GROUPS, depth)
    found = find_groups(whole.cosine().numpy(), groups)
    borders = stability(parts, groups, DRAWS, seed=0)
    result = {
        "layers": list(range(1, depth + 1)),
        "images": usable,
        "cosine": np.round(whole.cosine().numpy(), 6).tolist(),
        "cka": np.round(whole.cka().numpy(), 6).tolist(),
        "groups": [asdict(group) for group in found],
        "boundaries": [{"after": end, "stability": share} for end, share in borders.items()],
    }
    (out / ANALYSIS).write_text(json.dumps(result, indent=1), encoding="utf-8")
