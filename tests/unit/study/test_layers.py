"""The notation of layers: what is read, what is refused, and in which words."""

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from shallowsight.study.layers import PAPER_GROUPS, LayerSet


class Holder(BaseModel):
    layers: LayerSet


@pytest.mark.parametrize(
    ("text", "depth", "indices"),
    [
        pytest.param("18", None, (18,), id="one"),
        pytest.param("3,18,23", None, (3, 18, 23), id="several"),
        pytest.param("13-16", None, (13, 14, 15, 16), id="range"),
        pytest.param("5-5", None, (5,), id="range of one"),
        pytest.param("1-3,8,10-11", None, (1, 2, 3, 8, 10, 11), id="mixed"),
        pytest.param(" 3 , 8 ", None, (3, 8), id="spaces"),
        pytest.param("12", 12, (12,), id="last by number"),
        pytest.param("-1", 12, (12,), id="last"),
        pytest.param("-12", 12, (1,), id="first from the end"),
        pytest.param("3,-2", 12, (3, 11), id="positive and negative"),
        pytest.param("-3,-1", 24, (22, 24), id="negatives"),
        pytest.param("9,9,9", None, (9, 9, 9), id="one layer several times"),
    ],
)
def test_parse(text: str, depth: int | None, indices: tuple[int, ...]) -> None:
    layers = LayerSet.parse(text, depth)
    assert layers.indices == indices == tuple(layers)
    assert len(layers) == len(indices) and layers.deepest == indices[-1]
    assert LayerSet.parse(str(layers)) == layers


@pytest.mark.parametrize(
    ("text", "depth", "message"),
    [
        pytest.param("0", None, "got layers 0; layers are written 18 or 3,18,23 or 13-20, counted from 1", id="zero"),
        pytest.param("0", 12, "got layers 0;", id="zero with a depth"),
        pytest.param("23,3", None, "got layers 23,3;", id="decreasing"),
        pytest.param("3,3,8", None, "got layers 3,3,8;", id="one of several twice"),
        pytest.param("1-3,2", None, "got layers 1,2,3,2;", id="overlapping"),
        pytest.param("20-13", None, "got layers none;", id="backward range"),
        pytest.param("", None, "cannot read '' as layers; layers are written", id="empty"),
        pytest.param("3,", None, "cannot read '' as layers", id="trailing comma"),
        pytest.param("x", None, "cannot read 'x' as layers", id="word"),
        pytest.param("3.0", None, "cannot read '3.0' as layers", id="fraction"),
        pytest.param("-3--1", 12, "cannot read '-3--1' as layers", id="negative range"),
        pytest.param("13", 12, "asked for layer 13, the tower has layers 1 to 12", id="too deep"),
        pytest.param("1-13", 12, "asked for layer 13, the tower has layers 1 to 12", id="range too deep"),
        pytest.param("-13", 12, "asked for layer -13, the tower has layers 1 to 12", id="too far from the end"),
        pytest.param(
            "-1", None, "layer -1 counts from the end, which needs the tower's depth", id="negative, no depth"
        ),
        pytest.param("3,11,-2", 12, "got layers 3,11,11;", id="the same layer in both notations"),
    ],
)
def test_parse_refuses(text: str, depth: int | None, message: str) -> None:
    with pytest.raises(ValueError) as refused:
        LayerSet.parse(text, depth)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("3,8", id="text"),
        pytest.param([3, 8], id="list"),
        pytest.param((3, 8), id="tuple"),
        pytest.param([3.0, 8.0], id="kfp's floats"),
        pytest.param(LayerSet((3, 8)), id="itself"),
    ],
)
def test_field_accepts(value: Any) -> None:
    held = Holder(layers=value)
    assert held.layers == LayerSet((3, 8))
    assert held.model_dump(mode="json") == {"layers": "3,8"}
    assert Holder.model_validate_json(held.model_dump_json()) == held


def test_field_accepts_a_number() -> None:
    assert Holder.model_validate({"layers": 8}).layers.indices == (8,)


@pytest.mark.parametrize(
    "value",
    [True, [True, 2], 3.0, [3.5], ["3"], None, {}, [], [0], [3, -1], [float("inf")], [float("nan")], -1],
    ids=repr,
)
def test_field_refuses(value: Any) -> None:
    with pytest.raises(ValidationError, match="layers are written 18 or 3,18,23 or 13-20"):
        Holder.model_validate({"layers": value})


def test_require_depth_is_about_the_deepest() -> None:
    LayerSet((3, 12)).require_depth(12)
    with pytest.raises(ValueError, match="asked for layer 13, the tower has layers 1 to 12"):
        LayerSet((3, 13)).require_depth(12)


def test_paper_groups_tile_24_layers() -> None:
    assert [layer for group in PAPER_GROUPS for layer in group.layers] == list(range(1, 25))
    assert [(g.name, g.representative) for g in PAPER_GROUPS] == [("shallow", 3), ("middle", 18), ("deep", 23)]
    assert all(g.representative in g.layers for g in PAPER_GROUPS)
