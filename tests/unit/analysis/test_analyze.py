"""The analysis step over real pictures and a real, tiny tower."""

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_vision_models import save_small_model

from shallowsight.analysis.analyze import analysis_of, analyze
from shallowsight.analysis.sample import sample
from shallowsight.analysis.similarity import Similarity
from shallowsight.data.shards import Shards
from shallowsight.errors import ConfigurationError, ShallowsightError
from shallowsight.model.encode import Encoder, PictureEncoder
from shallowsight.model.tower.facts import describe
from shallowsight.store.plan import read_groups
from shallowsight.study.experiment import Experiment

DEPTH = 4


@pytest.fixture(scope="module", params=["clip", "siglip"])
def encoder(
    request: pytest.FixtureRequest, prepared: Any, towers: dict[str, Path], small: Callable[..., Experiment]
) -> Encoder:
    vision = small(vision__tower=str(towers[request.param])).vision
    return Encoder(PictureEncoder(vision, describe(vision.tower), DEPTH, "stretch"), Shards(prepared.folder))


def keys(encoder: Encoder, count: int) -> list[str]:
    assert isinstance(encoder._shown, Shards)
    own = list(encoder._shown.keys())
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
    assert found["layers"] == [1, 2, 3, 4] and found["images"] == 35, "the last batch has three"
    with torch.no_grad():
        states = [s.clone() for s in encoder.hidden_states(wanted)[1:]]
    patches = [s[:, -4:].reshape(-1, 32) for s in states]
    for i in range(DEPTH):
        for j in range(DEPTH):
            expected = torch.nn.functional.cosine_similarity(patches[i], patches[j]).mean().item()
            assert found["cosine"][i][j] == pytest.approx(expected, abs=1e-4), "class token, or embeddings, in it"
    assert np.diagonal(found["cka"]) == pytest.approx(1) and np.shape(found["cka"]) == (DEPTH, DEPTH)


def test_further_measures_are_there_and_change_nothing(encoder: Encoder, tmp_path: Path) -> None:
    wanted = keys(encoder, 35)
    found = run(encoder, wanted, tmp_path)
    measures = found.pop("measures")
    assert set(measures) == {"cosine_class", "cosine_pooled", "effective_rank", "norms"}
    seen = Similarity()
    for first in range(0, 35, 16):
        states = encoder.hidden_states(wanted[first : first + 16])[1:]
        seen.add(torch.stack([encoder.pictures.tower.patches(state) for state in states]))
    assert found == json.loads(json.dumps(analysis_of(seen, wanted)))
    has_class_token = encoder.pictures.tower.facts.has_class_token
    assert ("matrix" in measures["cosine_class"]) == has_class_token == ("absent" not in measures["cosine_class"])
    assert np.diagonal(measures["cosine_pooled"]["matrix"]) == pytest.approx(1)
    assert all(1 <= rank <= 32 for rank in measures["effective_rank"]["profiles"]["effective rank"])


def test_four_layers_are_too_few_for_groups(encoder: Encoder, tmp_path: Path) -> None:
    found = run(encoder, keys(encoder, 20), tmp_path)
    assert found["groups"] == [{"name": "all", "layers": [1, 2, 3, 4], "representative": None}]
    assert found["boundaries"] == [] and read_groups(tmp_path) == ()
    evidence = found["evidence"]
    assert evidence["groups"] == 1 and evidence["p"] is None and evidence["same_number_of_groups"] == 1.0
    assert {(f["measure"], f["groups"], f["p"]) for f in evidence["findings"]} == {
        ("cosine", 1, None),
        ("cka", 1, None),
    }


def test_the_evidence_for_groups(tmp_path: Path) -> None:
    """Twelve layers whose vectors turn by a small angle each, and by a large one after layer 6."""
    random = torch.Generator().manual_seed(0)
    angles = 0.2 * torch.tensor([0.0, *[1.0, 0.9, 1.1, 1.0, 0.9], 6.0, *[1.1, 1.0, 0.9, 1.0, 1.1]]).cumsum(0)
    one, other = torch.randn(2, 40, 9, 64, generator=random)
    seen = Similarity()
    seen.add(torch.stack([a.cos() * one + a.sin() * other for a in angles]))
    sources = [f"{'scenes' if n < 22 else 'own'}/{n}.png" for n in range(40)]
    found = analysis_of(seen, sources)
    (tmp_path / "analysis.json").write_text(json.dumps(found), encoding="utf-8")
    assert [(g.name, g.layers) for g in read_groups(tmp_path)] == [
        ("shallow", tuple(range(1, 7))),
        ("deep", tuple(range(7, 13))),
    ]
    (border,) = found["boundaries"]
    assert (border["after"], border["stability"], border["kind"]) == (6, 1.0, "jump") and border["factor"] > 2
    assert border["also_in"] == ["cka, all", "cosine, scenes", "cka, scenes", "cosine, own", "cka, own"]
    evidence = found["evidence"]
    assert evidence["groups"] == 2 and evidence["p"] == border["p"] <= 0.05
    assert [(f["measure"], f["pictures"], f["images"]) for f in evidence["findings"]] == [
        ("cosine", "all", 40),
        ("cka", "all", 40),
        ("cosine", "scenes", 22),
        ("cka", "scenes", 22),
        ("cosine", "own", 18),
        ("cka", "own", 18),
    ]


def test_hidden_states_that_are_not_finite_are_refused() -> None:
    seen = Similarity()
    states = torch.randn(DEPTH, 20, 3, 8)
    states[2, 5, 1, 4] = float("nan")
    seen.add(states)
    with pytest.raises(ShallowsightError, match="no finite numbers"):
        analysis_of(seen, [str(i) for i in range(20)])


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


def test_layers_of_different_widths(prepared: Any, small: Callable[..., Experiment], tmp_path: Path) -> None:
    """Stages of a ConvNeXt: no two of them share a direction, and CKA is that of their own products."""
    folder = save_small_model("convnext", tmp_path / "tower")
    vision = small(vision__tower=str(folder), vision__image_size=64).vision
    stages = Encoder(PictureEncoder(vision, describe(vision.tower), 4, "stretch"), Shards(prepared.folder))
    shown = keys(stages, 16)
    analyze(stages, 4, shown, tmp_path, lambda *_: None)
    found = json.loads((tmp_path / "analysis.json").read_text())
    np.testing.assert_array_equal(np.array(found["cosine"]), np.eye(4))
    assert len(found["groups"]) == 1
    pair = Similarity()
    states = stages.hidden_states(shown)
    pair.add(torch.stack([torch.nn.functional.pad(states[1], (0, 24)), states[4]]))
    assert found["cka"][0][3] == pytest.approx(pair.cka()[0, 1], abs=1e-6)
