"""The score of the best of several settings, without the optimism of picking and scoring on the same results.

Shapes: G pictures.
"""

import numpy as np

from shallowsight.evaluate.statistics.answers import Floats
from shallowsight.evaluate.statistics.sheet import Sheet

HALVES = 2


def score_of_picking(sheet: Sheet, settings: tuple[str, ...]) -> float | None:
    """What a picked setting scores on results that did not pick it; None with one picture, or no setting of two seeds.

    For each seed and each half of the pictures: the setting with the highest score among the other seeds on the other
    half is picked, and scored by this seed on this half. The mean is a little low, since fewer results pick. Settings
    with one seed are left out; of unequal numbers of seeds the fewest give the number of turns.
    """
    rows = [parts for s in settings if len(parts := sheet.parts[sheet.settings.index(s)]) > 1]
    if not rows or len(sheet.images) < HALVES:
        return None
    seeds = min(len(parts) for parts in rows)
    half_G = np.arange(len(sheet.images)) % HALVES
    scores = []
    for seed in range(seeds):
        for half in range(HALVES):
            own_G, other_G = half_G == half, half_G != half
            picked = max(rows, key=lambda parts: _score(np.delete(parts, seed, axis=0), other_G, sheet.shares_G))
            scores.append(_score(picked[[seed]], own_G, sheet.shares_G))
    return float(np.mean(scores))


def _score(parts: Floats, chosen_G: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], shares_G: Floats) -> float:
    return float(parts[:, chosen_G].mean(axis=0).sum() / shares_G[chosen_G].sum())
