"""The values of a comparison of two studies."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from shallowsight.evaluate.statistics.contrast import Contrast
from shallowsight.report.choice import Choice
from shallowsight.report.findings import Findings
from shallowsight.report.values import Member, Study


class Verdict(StrEnum):
    """What is known about the second study's model, compared with the first one's."""

    BETTER = "better"
    WORSE = "worse"
    NOT_DISTINGUISHABLE = "not distinguishable"
    FEW_SEEDS = "too few seeds"
    SAME_MODEL = "the same model"
    NOT_COMPARABLE = "not comparable"


@dataclass(frozen=True, kw_only=True)
class Side:
    """One of the two studies."""

    place: str  # the store that the user named, with its run if one was named
    document: Mapping[str, Any]  # study.json
    packages: Mapping[str, str]  # of the finished cells; several versions of a package are joined
    study: Study
    findings: Findings
    choices: tuple[Choice, ...]

    @property
    def depth(self) -> int:
        """The number of layers of the tower; where the document does not say it, the deepest layer that is known."""
        known = [*(self.study.analysis.layers if self.study.analysis else ())]
        known += [layer for m in self.study.members for layer in m.layers]
        return int((self.document.get("tower") or {}).get("depth") or max(known, default=1))


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A setting of the first study and the one of the second study that it is compared with."""

    before: Member
    after: Member
    role: str  # what they are in both studies, such as `penultimate`; empty where both are written alike
    depths: tuple[float, float]  # of the deepest layer, as a part of its tower's layers

    @property
    def label(self) -> str:
        """`layer 8`, or `penultimate: layer 11 (0.92 of the depth), then layer 23 (0.96)`."""
        if not self.role:
            return self.before.label
        first, second = self.depths
        return f"{self.role}: {self.before.label} ({first:.2f} of the depth), then {self.after.label} ({second:.2f})"

    @property
    def short(self) -> str:
        """`layer 8`, or `layer 11 / layer 23`."""
        return self.before.label if not self.role else f"{self.before.label} / {self.after.label}"

    @property
    def same_trainings(self) -> tuple[int, ...]:
        """Seeds of finished trainings that are one and the same cell in both studies."""
        known = {t.digests.get("finetune") for t in self.before.done} - {None}
        return tuple(t.seed for t in self.after.done if t.digests.get("finetune") in known)


@dataclass(frozen=True, kw_only=True)
class Questions:
    """What two studies asked in one category."""

    paired: bool
    before: int  # questions that are compared
    after: int
    says: str


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One setting in one category."""

    category: str
    pair: Pair
    before: float | None  # mean accuracy over seeds, from 0 to 1, on the questions that are compared; None: unknown
    after: float | None
    seeds: tuple[int, int]  # trainings in each study
    contrast: Contrast | None  # None: not comparable
    p: float | None  # corrected for all differences
    verdict: Verdict
    why: str = ""

    @property
    def gap(self) -> float | None:
        """The second study's accuracy less the first one's."""
        return None if self.before is None or self.after is None else self.after - self.before

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of this gap alone, for other pictures and other trainings; None: unknown."""
        if self.contrast is None or self.gap is None or (half := self.contrast.half_width) is None:
            return None
        return self.gap - half, self.gap + half


@dataclass(frozen=True, kw_only=True)
class Change:
    """An input that differs between the studies."""

    what: str
    before: str
    after: str


@dataclass(frozen=True, kw_only=True)
class Recommended:
    """The recommended layers of one category."""

    category: str
    before: str
    after: str
    changed: bool
    supported: bool  # whether the second study shows that the new choice beats the old one
    why: str


@dataclass(frozen=True, kw_only=True)
class Compared:
    """The whole comparison."""

    before: Side
    after: Side
    inputs: tuple[Change, ...]
    pairs: tuple[Pair, ...]
    only_before: tuple[Member, ...]  # settings that have no counterpart
    only_after: tuple[Member, ...]
    questions: Mapping[str, Questions]  # by category
    differences: tuple[Difference, ...]
    recommended: tuple[Recommended, ...]
    notes: tuple[str, ...]

    def having(self, verdict: Verdict) -> tuple[Difference, ...]:
        """The differences with this verdict."""
        return tuple(d for d in self.differences if d.verdict is verdict)
