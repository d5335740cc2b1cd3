"""The way that this project had before, kept as the baseline of benchmarks.statistics.

Every pair of settings of one category: an exact sign-flip test over pictures, and a t-test with one variance between
seeds for all settings; the larger p-value, corrected by Holm over the pairs of this category only; and a gap above the
noise floor.
"""

from itertools import combinations
from math import sqrt

import numpy as np
from scipy.stats import t

from shallowsight.evaluate.statistics.answers import Floats, picture_variance
from shallowsight.evaluate.statistics.family import ALPHA, holm
from shallowsight.evaluate.statistics.sheet import Sheet


def claims(sheet: Sheet) -> dict[tuple[str, str], int]:
    """Pair of settings -> the sign of the claimed gap."""
    dofs = np.array([len(parts) - 1 for parts in sheet.parts])
    if not dofs.any():
        return {}
    variance = float(np.nansum(np.array(sheet.seed_variances) * dofs) / dofs.sum())
    flips = float(np.array(sheet.flips) @ dofs / dofs.sum())
    p_values: dict[tuple[str, ...], float | None] = {}
    gaps = {}
    for a, b in combinations(range(len(sheet.settings)), 2):
        seeds = len(sheet.parts[a]), len(sheet.parts[b])
        share = 1 / seeds[0] + 1 / seeds[1]
        difference_G = sheet.means[a] - sheet.means[b]
        gap = float(difference_G.sum())
        units_G = np.rint(difference_G * sheet.questions * seeds[0] * seeds[1]).astype(np.int64)
        pictures = picture_variance(difference_G, sheet.shares_G)
        joint = pictures + max(variance - flips, 0.0) * share
        spread = pictures**2 / (len(sheet.images) - 1) + (variance * share) ** 2 / dofs.sum()
        p_training = float(2 * t.sf(abs(gap) / sqrt(max(joint, 1e-12)), joint**2 / max(spread, 1e-300)))
        name = sheet.settings[a], sheet.settings[b]
        p_values[name] = max(_sign_flip(units_G), p_training)
        floor = float(t.ppf(1 - ALPHA / 2, dofs.sum())) * sqrt(variance * share)
        gaps[name] = gap if abs(gap) > floor else 0.0
    found = holm(p_values)
    return {n: 1 if g > 0 else -1 for n, g in gaps.items() if g and (p := found[n]) is not None and p < ALPHA}


def _sign_flip(units_G: Floats) -> float:
    """Exact p of the sum of whole numbers with random signs, by the characteristic function."""
    values, counts = np.unique(np.abs(units_G[units_G != 0]), return_counts=True)
    if len(values) == 0:
        return 1.0
    size = 1 << (2 * int(values @ counts) + 1).bit_length()
    angles = 2 * np.pi * np.arange(size // 2 + 1) / size
    transform = np.prod([np.cos(v * angles) ** c for v, c in zip(values, counts, strict=True)], axis=0)
    mass = np.fft.irfft(transform, n=size)
    distance = np.minimum(np.arange(size), size - np.arange(size))
    return float(min(1.0, max(mass[distance >= abs(int(units_G.sum()))].sum(), 1e-12)))
