"""What analysis.json holds, as a value."""

from collections.abc import Mapping
from typing import Any

from shallowsight.report.group_evidence import read_evidence
from shallowsight.report.values import Analysis, Group


def read_analysis(found: Mapping[str, Any]) -> Analysis:
    """The matrices and the groups; other keys are passed over.

    Raises:
        KeyError, TypeError, ValueError: it does not have the agreed form.
    """
    return Analysis(
        layers=tuple(int(i) for i in found["layers"]),
        images=int(found.get("images", 0)),
        cosine=tuple(tuple(float(x) for x in row) for row in found["cosine"]),
        cka=tuple(tuple(float(x) for x in row) for row in found["cka"]),
        groups=tuple(
            Group(name=str(g["name"]), layers=tuple(g["layers"]), representative=g.get("representative"))
            for g in found["groups"]
        ),
        boundaries=tuple((int(b["after"]), float(b["stability"])) for b in found.get("boundaries", ())),
        evidence=read_evidence(found),
    )
