"""The notation of layers: what is read, what is refused, and in which words."""

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from shallowsight.study.layers import PAPER_GROUPS, Layers, LayerSet


class Holder(BaseModel):
    layers: Layers


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
    layers = Layers.parse(text, depth)
    assert layers == Layers.of(*indices) and layers.indices == indices
    assert layers.deepest == indices[-1] and layers.read == tuple(sorted(set(indices)))
    assert Layers.parse(str(layers)) == layers


@pytest.mark.parametrize(
    ("text", "depth", "written", "groups", "entries"),
    [
        pytest.param("1-12|13-24|23", None, "1-12|13-24|23", [range(1, 13), range(13, 25), [23]], (), id="ranges"),
        pytest.param("1,2,3,5,6", None, "1-3,5,6", [[1, 2, 3, 5, 6]], (), id="runs of three are ranges"),
        pytest.param("3|-1", 12, "3|12", [[3], [12]], (), id="negative in a group"),
        pytest.param("3>0,6>4|11", None, "3>0,6>4|11", [[3, 6], [11]], (0, 4), id="states"),
        pytest.param("1-4>2-5|11", None, "1-4>2-5|11", [[1, 2, 3, 4], [11]], (2, 3, 4, 5), id="ranges of states"),
        pytest.param("1>0,2>1,3>2,4>9", None, "1-3>0-2,4>9", [[1, 2, 3, 4]], (0, 1, 2, 9), id="states in runs"),
        pytest.param("1>5,2>5,3>5", None, "1>5,2>5,3>5", [[1, 2, 3]], (5, 5, 5), id="one state for all"),
    ],
)
def test_groups_and_states(
    text: str, depth: int | None, written: str, groups: list[list[int]], entries: tuple[int, ...]
) -> None:
    layers = Layers.parse(text, depth)
    assert layers == Layers(tuple(LayerSet(tuple(group)) for group in groups), entries)
    assert str(layers) == written and Layers.parse(written) == layers


def test_a_layer_in_two_groups_is_read_once() -> None:
    layers = Layers.parse("1-4|3-6|5")
    assert layers.read == (1, 2, 3, 4, 5, 6) and layers.deepest == 6
    assert layers.indices == (1, 2, 3, 4, 3, 4, 5, 6, 5)


@pytest.mark.parametrize(
    ("text", "depth", "message"),
    [
        pytest.param("0", None, "got layers 0; layers are written 18 or 3,18,23 or 13-20, counted from 1", id="zero"),
        pytest.param("0", 12, "got layers 0;", id="zero with a depth"),
        pytest.param("23,3", None, "got layers 23,3;", id="decreasing"),
        pytest.param("3,3,8", None, "got layers 3,3,8;", id="one of several twice"),
        pytest.param("1-3,2", None, "got layers 1,2,3,2;", id="overlapping"),
        pytest.param("20-13", None, "cannot read '20-13' as layers: it has no layers", id="backward range"),
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
        pytest.param("3||5", None, "cannot read '' as layers", id="empty group"),
        pytest.param("3>1,6|11", None, "write for each layer of the first group where it enters", id="half of states"),
        pytest.param("3|11>2", None, "only layers of the first group enter states", id="state of another group"),
        pytest.param("1-3>0-1|11", None, "3 layers and 2 states", id="not as many"),
        pytest.param("3>-1|11", None, "cannot read '3>-1' as layers", id="negative state"),
        pytest.param("3,11,-2", 12, "got layers 3,11,11;", id="the same layer in both notations"),
    ],
)
def test_parse_refuses(text: str, depth: int | None, message: str) -> None:
    with pytest.raises(ValueError) as refused:
        Layers.parse(text, depth)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("3,8", id="text"),
        pytest.param([3, 8], id="list"),
        pytest.param((3, 8), id="tuple"),
        pytest.param([3.0, 8.0], id="kfp's floats"),
        pytest.param(Layers.of(3, 8), id="itself"),
    ],
)
def test_field_accepts(value: Any) -> None:
    held = Holder(layers=value)
    assert held.layers == Layers.of(3, 8)
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
    Layers.of(3, 12).require_depth(12)
    with pytest.raises(ValueError, match="asked for layer 13, the tower has layers 1 to 12"):
        Layers.of(3, 13).require_depth(12)


def test_paper_groups_tile_24_layers() -> None:
    assert [layer for group in PAPER_GROUPS for layer in group.layers] == list(range(1, 25))
    assert [(g.name, g.representative) for g in PAPER_GROUPS] == [("shallow", 3), ("middle", 18), ("deep", 23)]
    assert all(g.representative in g.layers for g in PAPER_GROUPS)
