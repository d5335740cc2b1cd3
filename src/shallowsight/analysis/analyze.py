"""The analysis step: the similarity of the tower's layers over a study's pictures, and the groups of layers."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from shallowsight.analysis.agreement import HALVES, Finding, Stability, findings, stability
from shallowsight.analysis.grouping import groups_between
from shallowsight.analysis.measures.as_json import as_json, rounded
from shallowsight.analysis.measures.cosine_class import CosineOfClassTokens
from shallowsight.analysis.measures.cosine_pooled import CosineOfPooled
from shallowsight.analysis.measures.effective_rank import EffectiveRank
from shallowsight.analysis.measures.measure import Measure, batch_of
from shallowsight.analysis.measures.norms import Norms
from shallowsight.analysis.pace import DRAWS, ERROR_RATE
from shallowsight.analysis.sample import ANALYSIS_IMAGES, sample
from shallowsight.analysis.similarity import Similarity
from shallowsight.data.enough import require_pictures
from shallowsight.errors import ShallowsightError
from shallowsight.model.encode import BATCH, Encoder

ANALYSIS = "analysis.json"
NULL = "a smooth tower: the steps between neighbouring layers follow a smooth trend along depth, with irregularity"


def analyze(
    encoder: Encoder, depth: int, keys: Sequence[str], out: Path, on_progress: Callable[[int, int], None]
) -> None:
    """Write analysis.json: matrices, groups (one, named `all`, where there is no border), and the evidence for them.

    Further measures are in it under `measures`; nothing rests on them.

    Raises:
        ConfigurationError: there are too few pictures.
        ShallowsightError: the hidden states are not finite.
    """
    require_pictures(len(keys))
    chosen = sample(keys, ANALYSIS_IMAGES)
    seen = Similarity()
    # What costs next to nothing beside the tower itself; the groups rest on `seen` alone.
    more: dict[str, Measure] = {
        "cosine_class": CosineOfClassTokens(),
        "cosine_pooled": CosineOfPooled(),
        "effective_rank": EffectiveRank(),
        "norms": Norms(),
    }
    for first in range(0, len(chosen), BATCH):
        batch = chosen[first : first + BATCH]
        states = encoder.hidden_states(batch)[1:]
        looked_at = batch_of(encoder.pictures.tower, states)
        seen.add(torch.stack(list(looked_at.patches)))
        for measure in more.values():
            measure.add(looked_at)
        on_progress(first + len(batch), len(chosen))
    result = analysis_of(seen, chosen)
    result["measures"] = {name: as_json(measure.found()) for name, measure in more.items()}
    (out / ANALYSIS).write_text(json.dumps(result, indent=1), encoding="utf-8")


def analysis_of(seen: Similarity, keys: Sequence[str]) -> dict[str, Any]:
    """What analysis.json holds; the cosine decides about groups, as in the paper. `keys` are those of the images."""
    cosine = seen.cosine()
    if not np.isfinite(cosine).all():
        raise ShallowsightError(
            "the tower's hidden states hold values that are no finite numbers; try another precision or other weights"
        )
    found = findings({"cosine": seen.cosine, "cka": seen.cka}, keys)
    changes = found[0].changes
    held = stability(seen.cosine, len(keys), changes, found[0].noise)
    layers = list(range(1, len(cosine) + 1))
    groups = [asdict(group) for group in groups_between(changes.borders, cosine)]
    return {
        "layers": layers,
        "images": len(keys),
        "cosine": rounded(cosine),
        "cka": rounded(seen.cka()),
        "groups": groups or [{"name": "all", "layers": layers, "representative": None}],
        "boundaries": [_boundary(border, found, held) for border in changes.borders],
        "evidence": {
            "groups": len(changes.borders) + 1,
            "p": changes.p,
            "error_rate": ERROR_RATE,
            "null": NULL,
            "draws": DRAWS,
            "halves": HALVES,
            "same_number_of_groups": held.count,
            "findings": [_finding(each) for each in found],
        },
    }


def _boundary(border: int, found: Sequence[Finding], held: Stability) -> dict[str, Any]:
    change = next(change for change in found[0].changes.found if change.after == border)
    return {
        "after": border,
        "stability": held.borders[border],
        "kind": change.kind,
        "factor": round(change.factor, 3),
        "p": change.p,
        # Whether each other measure and part of the pictures has this border at the same place, as in `findings`.
        "also_in": [f"{f.measure}, {f.pictures}" for f in found[1:] if border in f.changes.borders],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "measure": finding.measure,
        "pictures": finding.pictures,
        "images": finding.images,
        "groups": len(finding.changes.borders) + 1,
        "noise": round(finding.noise, 5),
        "p": finding.changes.p,
        "borders": list(finding.changes.borders),
    }
