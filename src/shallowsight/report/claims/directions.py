"""How a study lies to a claim of the paper: the same direction, the other one, not distinguishable, or not run."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from shallowsight.report.claims.paper import Paper
from shallowsight.report.findings import Findings
from shallowsight.report.values import Member, Study
from shallowsight.report.words import depth, listed


class Direction(StrEnum):
    """How a study's result lies to a claim of the paper."""

    SAME = "same direction"
    OTHER = "other direction"
    UNCLEAR = "not distinguishable"
    NOT_RUN = "not run"


@dataclass(frozen=True)
class Asked:
    """The study that a claim is asked of."""

    study: Study
    findings: Findings
    paper: Paper

    @property
    def depth(self) -> int:
        """The number of layers of the study's tower."""
        return depth(self.study)

    @property
    def singles(self) -> tuple[Member, ...]:
        """The settings of one layer."""
        return tuple(m for m in self.study.members if m.single)


Found = tuple[str, Direction, str]  # about, direction, why


def named(layers: Sequence[int]) -> str:
    """`layer 8`, `layers 4, 8 and 9`."""
    return f"layer{'s' * (len(layers) > 1)} {listed(sorted(layers))}"
