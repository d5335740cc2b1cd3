"""Made-up features of layers, of which some hold the answers."""

import torch
from torch import Tensor

from shallowsight.analysis.probes.task import Labelled

PATCHES, WIDTH = 4, 16
TRAIN, TEST = 240, 100
KEYS = [str(number) for number in range(TRAIN + TEST)]


def noise(seed: int) -> Tensor:
    """[I, N, D] without any answer."""
    return torch.randn(len(KEYS), PATCHES, WIDTH, generator=torch.Generator().manual_seed(seed))


def labels(classes: int, seed: int = 5) -> list[int]:
    return torch.randint(classes, (len(KEYS),), generator=torch.Generator().manual_seed(seed)).tolist()


def holding(answers: list[int], seed: int) -> Tensor:
    """Noise, but one patch of each picture, marked by dimension 0, has its answer's own dimension raised."""
    features = noise(seed)
    places = torch.randint(PATCHES, (len(KEYS),), generator=torch.Generator().manual_seed(seed + 1)).tolist()
    for picture, (place, answer) in enumerate(zip(places, answers, strict=True)):
        features[picture, place, 0] += 4
        features[picture, place, 1 + answer] += 4
    return features


def asked(answers: list[int], text: str = "Which?") -> tuple[list[Labelled], list[Labelled]]:
    """One question about each picture: training, test."""
    every = [Labelled(key, text, (f"class {answer}",)) for key, answer in zip(KEYS, answers, strict=True)]
    return every[:TRAIN], every[TRAIN:]
