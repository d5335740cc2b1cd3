"""Operations against hand counts, and what the forecast says of them."""

import itertools
import math

import pytest

from shallowsight import cost
from shallowsight.assets.towers import TowerFacts
from shallowsight.cells import Cell, Resolved, analyze_cell, encode_cell, evaluate_cell, prepare_cell, stage_cell
from shallowsight.config import Study
from shallowsight.cost import forecast, matrix_speed, operations, pays_to_cache, tower_operations
from shallowsight.data.sources import SourceFacts
from shallowsight.overrides import load_study
from shallowsight.settings import Setting

SMALL = TowerFacts(name="s", family="dinov2", depth=12, width=384, patch=14, has_class_token=True, digest="sha256:a")
LARGE = TowerFacts(name="l", family="clip", depth=24, width=1024, patch=14, has_class_token=True, digest="sha256:b")
SIGLIP = SMALL.model_copy(update={"has_class_token": False})


def study(*words: str) -> Study:
    """Whatever the demo is tuned to, these tests have their own numbers."""
    own = ["settings=groups last", "seeds=0 1"]
    own += [f"{stage}.{what}" for stage in ("pretrain", "finetune") for what in ("global_batch=64", "updates=100")]
    return load_study("demo", [*own, *words], lambda _: 12)


def resolved(*words: str, cache: bool = True) -> Resolved:
    facts = SourceFacts(digest="x", train_rows=100, test_rows=50, images=150)
    sources = dict.fromkeys(("scenes", "scenes-captions", "easy-vqa"), facts)
    return Resolved(study=study(*words), tower=SMALL, language_digest="scratch", sources=sources, cache_features=cache)


def test_tower_operations_by_hand() -> None:
    # 28 pixels: four patches and a class token. A layer: 2 x 12 D^2 a token, 4 T^2 D of attention.
    assert tower_operations(SMALL, 28, 1) == 24 * 384**2 * 5 + 4 * 25 * 384
    assert tower_operations(SMALL, 28, 3) == 3 * tower_operations(SMALL, 28, 1)
    assert tower_operations(SIGLIP, 28, 1) == 24 * 384**2 * 4 + 4 * 16 * 384


def test_operations_of_a_clip_l_336() -> None:
    # About 380 GFLOP a picture is the known figure for ViT-L/14 at 336 pixels.
    assert 3.4e11 < tower_operations(LARGE, 336, 24) < 4.2e11


@pytest.mark.parametrize(
    ("words", "tower", "tokens", "images", "pays"),
    [
        pytest.param([], SMALL, 36, 2000, True, id="the demo"),
        pytest.param(["finetune.updates=1", "pretrain.updates=1"], SMALL, 36, 2000, False, id="read less than encoded"),
        pytest.param(["finetune.epochs=1", "pretrain.updates=0"], SMALL, 36, 2000, True, id="epochs"),
        pytest.param([], LARGE, 576, 2000, False, id="57 GB of features"),
        pytest.param(["finetune.updates=600"], LARGE, 576, 700, True, id="19.8 GB of features"),
        pytest.param(["finetune.updates=600"], LARGE, 576, 710, False, id="20.1 GB of features"),
        pytest.param(["pretrain.picture=crop"], SMALL, 36, 2000, False, id="other pictures while pretraining"),
        pytest.param(["finetune.picture=pad"], SMALL, 36, 2000, False, id="other pictures while finetuning"),
        pytest.param(
            ["pretrain.picture=crop", "finetune.picture=crop"], SMALL, 36, 2000, True, id="the same other pictures"
        ),
    ],
)
def test_pays_to_cache(words: list[str], tower: TowerFacts, tokens: int, images: int, pays: bool) -> None:
    assert pays_to_cache(study(*words).base, tower, tokens, images) is pays


def test_encode_and_analyze_operations() -> None:
    r = resolved()
    assert operations(r, encode_cell(r, 8)) == r.images * tower_operations(SMALL, 168, 8)
    assert operations(r, analyze_cell(r)) == 208 * tower_operations(SMALL, 168, 12)
    assert operations(r, prepare_cell(r)) == 0


def test_training_operations_by_hand() -> None:
    r = resolved("finetune.global_batch=10", "finetune.updates=3", "pretrain.global_batch=10", "pretrain.updates=3")
    length, width = 36 + 40, 128  # 12 x 12 patches pooled by 2; text
    matrices, connector = 12 * width**2 * 2, (384 + 128) * 128
    forward = 2 * (matrices * length + connector * 36) + 4 * length**2 * width * 2
    eight = Setting.parse("8")
    assert operations(r, stage_cell(r, eight, 0, "finetune")) == 30 * 3 * forward
    assert operations(r, stage_cell(r, eight, 0, "pretrain")) == 30 * 2 * forward, "the language model's weights rest"
    assert operations(r, evaluate_cell(r, eight, 0)) == 5 * 100 * forward
    live = r.model_copy(update={"cache_features": False})
    more = tower_operations(SMALL, 168, 8)
    assert operations(live, stage_cell(live, eight, 0, "finetune")) == 30 * (3 * forward + more)
    assert operations(live, evaluate_cell(live, eight, 0)) == 5 * 100 * (forward + more)


def test_epochs_count_rows() -> None:
    by_epochs, by_updates = resolved("finetune.epochs=2"), resolved("finetune.updates=40", "finetune.global_batch=10")
    eight = Setting.parse("8")
    assert operations(by_epochs, stage_cell(by_epochs, eight, 0, "finetune")) == operations(
        by_updates, stage_cell(by_updates, eight, 0, "finetune")
    )


def test_no_updates_cost_no_operations() -> None:
    r = resolved("pretrain.updates=0")
    assert operations(r, stage_cell(r, Setting.parse("8"), 0, "pretrain")) == 0


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost, "matrix_speed", lambda: 1e9)
    monkeypatch.setattr(cost.os, "sched_getaffinity", lambda _: {0, 1})


@pytest.mark.usefixtures("machine")
def test_nothing_missing_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost, "matrix_speed", lambda: pytest.fail("the machine was measured for nothing"))
    found = forecast(resolved(), [], 2)
    assert (found.low, found.high, found.storage) == (0, 0, 0)


@pytest.mark.usefixtures("machine")
def test_one_pass_encodes_every_layer() -> None:
    r = resolved()
    three, eight = encode_cell(r, 3), encode_cell(r, 8)
    alone, both = forecast(r, [eight], 2), forecast(r, [three, eight], 2)
    assert both.low == alone.low, "the deepest layer's pass gives the others"
    assert both.storage == 2 * alone.storage == 2 * r.images * 36 * 384 * 2


@pytest.mark.usefixtures("machine")
def test_seconds_follow_operations_and_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    r = resolved()
    cell = stage_cell(r, Setting.parse("8"), 0, "finetune")
    light, start, share = cost._LIGHT_BOXES, cost._START["finetune"], cost._SHARE["finetune"]
    work = operations(r, cell) / (1e9 * share)  # on one core

    def middle(cells: list[Cell], at_once: int) -> float:
        return forecast(r, cells, at_once).low / cost._SPREAD[0]

    assert middle([cell], 1) == pytest.approx(light + start + work / 2)
    # Two at once: each has one core, and they overlap; one alone has one core too, and nothing to overlap with.
    other = stage_cell(r, Setting.parse("9"), 0, "finetune")
    assert middle([cell, other], 2) == pytest.approx(light + start + work)
    assert middle([cell], 2) == pytest.approx(light + start + work)
    # A box makes the cells of all seeds: one start.
    seed = stage_cell(r, Setting.parse("8"), 1, "finetune")
    assert middle([cell, seed], 1) == pytest.approx(light + start + 2 * work / 2)
    monkeypatch.setattr(cost, "matrix_speed", lambda: 1e12)
    assert middle([cell], 1) == pytest.approx(light + start + work / 1000 / 2)


@pytest.mark.usefixtures("machine")
def test_a_range_with_more_missing_higher() -> None:
    r, eight = resolved(), Setting.parse("8")
    cells = [prepare_cell(r), analyze_cell(r), stage_cell(r, eight, 0, "pretrain"), evaluate_cell(r, eight, 0)]
    totals = [forecast(r, cells[:n], 2) for n in range(1, 5)]
    assert all(0 < t.low < t.high < math.inf for t in totals)
    assert all(a.low < b.low for a, b in itertools.pairwise(totals))


def test_matrix_speed_is_a_speed() -> None:
    assert 1e8 < matrix_speed() < 1e13
