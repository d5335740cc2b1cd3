"""The letters that tables show: of each category in which a comparison tells two settings apart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shallowsight.evaluate.statistics.letters import letters_of
from shallowsight.report.findings import Findings


@dataclass(frozen=True)
class Lettering:
    """The letters of each setting, by category; none where all would have the same: there they say nothing."""

    shown: Mapping[str, Mapping[str, Sequence[str]]]
    judged: bool  # whether a difference could be judged anywhere, so that no letters means: nothing is told apart

    @property
    def any(self) -> bool:
        return any(self.shown.values())

    def of(self, category: str, setting: str) -> Sequence[str]:
        return self.shown[category].get(setting, ())


def lettering(findings: Findings) -> Lettering:
    """Of all categories, and of all of them together."""
    every = {c.name: letters_of(c.judgement, c.name) for c in findings.every}
    shown = {name: found if len(set(found.values())) > 1 else {} for name, found in every.items()}
    return Lettering(shown, judged=any(every.values()))
