"""The analysis step over real pictures and a real, tiny tower."""

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from shallowsight.analysis.analyze import analyze
from shallowsight.analysis.sample import sample
from shallowsight.data.shards import Shards
from shallowsight.errors import ConfigurationError
from shallowsight.model.encode import Encoder, PictureEncoder
from shallowsight.model.tower.families import describe
from shallowsight.study.experiment import Experiment
from shallowsight.study.resolved import TowerFacts

DEPTH = 4


@pytest.fixture(scope="module", params=["clip", "siglip"])
def encoder(
    request: pytest.FixtureRequest, prepared: Any, towers: dict[str, Path], small: Callable[..., Experiment]
) -> Encoder:
    vision = small(vision__tower=str(towers[request.param])).vision
    return Encoder(PictureEncoder(vision, describe(vision.tower), DEPTH, "stretch"), Shards(prepared.folder))


def keys(encoder: Encoder, count: int) -> list[str]:
    own = list(encoder._shards.keys())
    return (own * 99)[:count]


def run(encoder: Encoder, wanted: list[str], out: Path) -> dict[str, Any]:
    seen: list[tuple[int, int]] = []
    analyze(encoder, DEPTH, wanted, out, lambda done, total: seen.append((done, total)))
    found: dict[str, Any] = json.loads((out / "analysis.json").read_text(encoding="utf-8"))
    assert seen[-1] == (found["images"], found["images"])
    return found


def test_what_it_leaves(encoder: Encoder, tmp_path: Path) -> None:
    wanted = keys(encoder, 35)
    found = run(encoder, wanted, tmp_path)
    assert found["layers"] == [1, 2, 3, 4] and found["images"] == 32, "whole batches of sixteen"
    with torch.no_grad():
        states = [s.clone() for s in encoder.hidden_states(wanted[:32])[1:]]
    patches = [s[:, -4:].reshape(-1, 32) for s in states]
    for i in range(DEPTH):
        for j in range(DEPTH):
            expected = torch.nn.functional.cosine_similarity(patches[i], patches[j]).mean().item()
            assert found["cosine"][i][j] == pytest.approx(expected, abs=1e-4), "class token, or embeddings, in it"
    assert np.diagonal(found["cka"]) == pytest.approx(1) and np.shape(found["cka"]) == (DEPTH, DEPTH)
    groups = found["groups"]
    assert [g["name"] for g in groups] == ["shallow", "middle", "deep"]
    assert [layer for g in groups for layer in g["layers"]] == [1, 2, 3, 4]
    assert [b["after"] for b in found["boundaries"]] == [g["layers"][-1] for g in groups[:-1]]
    assert all(0 <= b["stability"] <= 1 for b in found["boundaries"])


def test_equal_each_time(encoder: Encoder, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        run(encoder, keys(encoder, 16), tmp_path / name)
    assert (tmp_path / "a" / "analysis.json").read_bytes() == (tmp_path / "b" / "analysis.json").read_bytes()


def test_too_few_pictures(encoder: Encoder, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="at least 16 training pictures, the data has 14; add records"):
        run(encoder, keys(encoder, 14), tmp_path)


def test_many_pictures_are_sampled_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [str(n) for n in range(1000)]
    chosen = [int(n) for n in sample(names, 208)]
    assert len(set(chosen)) == 208 and chosen[0] == 0 and chosen[-1] > 990
    assert {b - a for a, b in itertools.pairwise(chosen)} == {4, 5}
    assert sample(names[:5], 208) == names[:5]


def test_a_shallow_tower_has_fewer_groups(
    make_tower: Callable[..., torch.nn.Module],
    prepared: Any,
    tmp_path: Path,
    towers: dict[str, Path],
    small: Callable[..., Experiment],
    facts: TowerFacts,
) -> None:
    encoder = Encoder(PictureEncoder(small().vision, facts, 2, "stretch"), Shards(prepared.folder))
    analyze(encoder, 2, keys(encoder, 16), tmp_path, lambda *_: None)
    found = json.loads((tmp_path / "analysis.json").read_text(encoding="utf-8"))
    assert [(g["name"], g["layers"]) for g in found["groups"]] == [("shallow", [1]), ("deep", [2])]
