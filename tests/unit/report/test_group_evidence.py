"""What the report reads of the evidence for groups is what the analysis writes."""

import json
from typing import Any

import pytest
import torch

from shallowsight.analysis.analyze import analysis_of
from shallowsight.analysis.similarity import Similarity
from shallowsight.report.group_evidence import read_evidence


def written(layers: int, jump: float) -> dict[str, Any]:
    """analysis.json of layers whose vectors turn by a small angle each, and `jump` times as far in the middle."""
    turns = 0.2 * (1 + 0.1 * torch.randn(layers - 1, generator=torch.Generator().manual_seed(1)))
    turns[layers // 2 - 1] *= jump
    one, other = torch.randn(2, 40, 9, 64, generator=torch.Generator().manual_seed(0))
    seen = Similarity()
    seen.add(torch.stack([a.cos() * one + a.sin() * other for a in torch.cat([torch.zeros(1), turns.cumsum(0)])]))
    found: dict[str, Any] = json.loads(json.dumps(analysis_of(seen, [f"files/{n}" for n in range(40)])))
    return found


def test_groups() -> None:
    evidence = read_evidence(written(12, 6.0))
    assert evidence is not None and evidence.groups == 2 and evidence.p is not None and evidence.p <= 0.05
    (border,) = evidence.borders
    assert (border.after, border.kind, border.stability) == (6, "jump", 1.0) and border.factor > 2
    assert "cka, all" in border.also_in
    assert [(f.measure, f.pictures, f.borders) for f in evidence.findings][:2] == [
        ("cosine", "all", (6,)),
        ("cka", "all", (6,)),
    ]


def test_no_groups() -> None:
    evidence = read_evidence(written(12, 1.0))
    assert evidence is not None and evidence.groups == 1 and evidence.borders == ()
    assert evidence.p is not None and evidence.p > evidence.error_rate


def test_too_few_layers() -> None:
    evidence = read_evidence(written(4, 1.0))
    assert evidence is not None and evidence.p is None and {f.p for f in evidence.findings} == {None}


def test_an_analysis_of_an_older_version_has_none() -> None:
    assert read_evidence({"groups": [], "boundaries": [{"after": 3, "stability": 0.9}]}) is None


@pytest.mark.parametrize("change", [{"groups": "many"}, {"p": "low"}, {"findings": [{"measure": "cosine"}]}])
def test_another_form(change: dict[str, Any]) -> None:
    found = written(12, 1.0)
    found["evidence"] |= change
    with pytest.raises((KeyError, TypeError, ValueError)):
        read_evidence(found)
