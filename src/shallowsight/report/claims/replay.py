"""The paper as a gate: its claims against its own numbers, through our findings, tests and groups."""

from dataclasses import dataclass

from shallowsight.report.claims.numbers import BordersOf, Numbers
from shallowsight.report.claims.paper import Claim, Paper
from shallowsight.report.claims.rules import Held, hold


@dataclass(frozen=True)
class Replay:
    """Every claim with what was found."""

    results: tuple[tuple[Claim, Held], ...]

    @property
    def broken(self) -> tuple[tuple[Claim, Held], ...]:
        """The claims that the numbers contradict."""
        return tuple((claim, found) for claim, found in self.results if found.held is False)

    @property
    def unknown(self) -> tuple[Claim, ...]:
        """The claims that no number says anything about."""
        return tuple(claim for claim, found in self.results if found.held is None)


def replay(paper: Paper, borders_of: BordersOf) -> Replay:
    """Check every claim; `borders_of` finds the best groups of the layers in a similarity matrix."""
    numbers = Numbers.of(paper, borders_of)
    return Replay(tuple((claim, hold(claim.check, numbers)) for claim in paper.claims))
