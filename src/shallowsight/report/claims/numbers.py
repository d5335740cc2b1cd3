"""The paper's numbers as our findings have them, and when one reads higher than another one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from shallowsight.report.claims.as_study import as_study
from shallowsight.report.claims.paper import LAYERS, Paper, Series
from shallowsight.report.findings import Findings, find
from shallowsight.report.scores import Category
from shallowsight.report.values import Study
from shallowsight.study.layers import PAPER_GROUPS

Matrix = NDArray[np.float64]
BordersOf = Callable[[Matrix, int], tuple[int, ...]]  # the best borders of so many groups of layers
EVERY = tuple(range(1, LAYERS + 1))
GROUPS = {group.name: group.layers for group in PAPER_GROUPS}


@dataclass(frozen=True)
class Numbers:
    """Scores are shares, from 0 to 1; layers count from 1."""

    paper: Paper
    study: Study
    findings: Findings
    borders_of: BordersOf

    @classmethod
    def of(cls, paper: Paper, borders_of: BordersOf) -> "Numbers":
        """Send the paper's numbers through our findings."""
        study = as_study(paper)
        return cls(paper, study, find(study), borders_of)

    @cached_property
    def similarity(self) -> Matrix:
        """[25, 25], the embeddings first, so that a layer is its own index."""
        return np.array(self.paper.similarity.values)

    @cached_property
    def borders(self) -> tuple[int, ...]:
        """The last layer of each of the best three groups but the deepest; the embeddings are no layer."""
        return self.borders_of(self.similarity[1:, 1:], 3)

    def series(self, name: str) -> Series:
        """The series of that name."""
        return next(each for each in self.paper.series if each.name == name)

    def score(self, category: str, layer: int) -> float:
        """What our findings have for a layer."""
        return self._category(category).scores[str(layer)].accuracy

    def best(self, category: str, layers: Sequence[int] = EVERY) -> int:
        """The layer with the highest score; of equals the shallower."""
        score = self._category(category).best(tuple(m for m in self.study.members if m.layers[0] in layers))
        assert score is not None
        return int(score.setting)

    def higher(self, name: str, layer: int, over: int) -> bool:
        """Whether a layer reads higher than another beyond the error of two readings."""
        series = self.series(name)
        return self.score(name, layer) - self.score(name, over) > sqrt(2) * series.error / series.scale

    def written(self, name: str, layer: int) -> str:
        """A number as the figure has it: `31.45 (layer 18)`."""
        return f"{self.score(name, layer) * self.series(name).scale:.4g} (layer {layer})"

    def _category(self, name: str) -> Category:
        return next(category for category in self.findings.categories if category.name == name)


def outside(layers: Sequence[int]) -> tuple[int, ...]:
    """All other layers."""
    return tuple(layer for layer in EVERY if layer not in layers)
