"""How sure it is that a tower's layers form groups, as the analysis wrote it into analysis.json."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True)
class Border:
    """A border between groups: one step that is `factor` times the pace around it, or a pace that changes so much."""

    after: int
    stability: float  # share of random halves of the pictures that have it at the same place
    kind: Literal["jump", "pace"]
    factor: float
    p: float
    also_in: tuple[str, ...]  # other measures and parts of the pictures that have it, for instance `cka, scenes`


@dataclass(frozen=True, kw_only=True)
class GroupFinding:
    """The groups that one measure finds in one part of the pictures."""

    measure: str
    pictures: str
    images: int
    noise: float  # how much the choice of pictures moves a similarity of neighbouring layers
    groups: int
    p: float | None
    borders: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class GroupEvidence:
    """Whether the tower has groups. `p` is None where it has too few layers for a test."""

    groups: int  # 1: none
    p: float | None
    error_rate: float
    null: str
    same_number_of_groups: float  # share of random halves of the pictures
    borders: tuple[Border, ...]
    findings: tuple[GroupFinding, ...]


def read_evidence(analysis: Mapping[str, Any]) -> GroupEvidence | None:
    """The evidence in the content of analysis.json.

    Raises:
        KeyError, TypeError, ValueError: it does not have the agreed form.
    """
    if not (found := analysis.get("evidence")):
        return None
    return GroupEvidence(
        groups=int(found["groups"]),
        p=_p(found["p"]),
        error_rate=float(found["error_rate"]),
        null=str(found["null"]),
        same_number_of_groups=float(found["same_number_of_groups"]),
        borders=tuple(Border(**{**border, "also_in": tuple(border["also_in"])}) for border in analysis["boundaries"]),
        findings=tuple(
            GroupFinding(**{**each, "p": _p(each["p"]), "borders": tuple(each["borders"])})
            for each in found["findings"]
        ),
    )


def _p(value: Any) -> float | None:
    return None if value is None else float(value)
