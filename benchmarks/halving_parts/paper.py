"""The paper's scores over the 24 layers of CLIP-ViT-L/14-336, and how noisy a single training of them is.

Figure 2 of the paper, from the file of its claims (src/shallowsight/report/claims/paper.yaml), each value within 0.03:
a category's benchmarks from 0, the lowest layer, to 1, the highest. One training of each layer, of the 1.4B model.
"""

import numpy as np
from numpy.typing import NDArray

from shallowsight.report.claims.paper import read_paper

Values = NDArray[np.float64]

CATEGORIES = ("General", "OCR", "CVBench", "VC*", "POPE")  # the names in the data file
LAYERS = 24
USUAL = 23  # the penultimate layer
DIPS = (19, 21)
REPRESENTATIVES = (3, 18, 23)  # of the paper's groups 1-12, 13-20 and 21-24


def observed() -> Values:
    """[categories, layers]: as published."""
    series = {each.name: each.values for each in read_paper().series}
    return np.array([series[name] for name in CATEGORIES])


def mended() -> Values:
    """[categories, layers]: as published, but the dips at layers 19 and 21 lie between their neighbours."""
    found = observed()
    for layer in DIPS:
        found[:, layer - 1] = (found[:, layer - 2] + found[:, layer]) / 2
    return found


def training_noise() -> tuple[float, float]:
    """Standard deviation of one training's mean over the categories: without and with the two dips.

    A layer's distance from the mean of its neighbours has 1.5 times the variance of one training, where the truth is
    straight. It is not, so that this is too large rather than too small. Layers 13 to 23; without the dips those that
    neither dip nor stand beside a dip: 13 to 17 and 23.
    """
    mean = observed().mean(axis=0)
    middle = np.arange(13, 24)
    bend = mean[middle - 1] - (mean[middle - 2] + mean[middle]) / 2
    calm = np.abs(middle[:, None] - np.array(DIPS)).min(axis=1) > 1
    return float(np.sqrt((bend[calm] ** 2).mean() / 1.5)), float(np.sqrt((bend**2).mean() / 1.5))
