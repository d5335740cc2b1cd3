"""Accuracy against cost: the places, the front, and what the figure shows."""

import json
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from study_builder import Builder

from shallowsight.report.drawing import COLORS
from shallowsight.report.findings import find
from shallowsight.report.inputs import read_study
from shallowsight.report.names_in_a_figure import name_points
from shallowsight.report.pareto import COSTS, Front, Place, front, pareto
from shallowsight.report.pareto_figure import draw_costs
from shallowsight.report.write import write_report

CURVES = {"count": {2: 0.30, 4: 0.75, 7: 0.80, 12: 0.55}, "colour": {2: 0.40, 4: 0.70, 7: 0.75, 12: 0.60}}
FEWER = (("12+ldp@9", [12], "single", "ldp@9", 9),)
SHARE, TOKENS, OPERATIONS = COSTS


def place(setting: str, share: float, accuracy: float, **more: float) -> Place:
    return Place(setting=setting, name=setting, single=True, accuracy=accuracy, error=0.01, share=share,
                 tokens=None, operations=more.get("operations"))  # fmt: skip


def study_with(folder: Path, operations: bool = True) -> Path:
    """Layers of a tower of twelve, with as many operations as they have layers."""
    Builder(curves=CURVES, fusion_gain=None, n=80, more=FEWER).write(folder)
    plan = json.loads((folder / "plan.json").read_text())
    for member in plan["members"] if operations else ():
        member["operations"] = 1e9 * max(member["layers"])
    (folder / "plan.json").write_text(json.dumps(plan))
    return folder


def test_the_front_by_hand() -> None:
    places = [place("a", 0.2, 0.5), place("b", 0.4, 0.7), place("c", 0.5, 0.6), place("d", 0.9, 0.8)]
    assert [p.setting for p in front(places, SHARE)] == ["a", "b", "d"]


def test_ties() -> None:
    """As cheap and worse, or as good and dearer, is beaten; the same in both is not."""
    places = [place("a", 0.4, 0.7), place("b", 0.4, 0.6), place("c", 0.5, 0.7), place("d", 0.4, 0.7)]
    assert [p.setting for p in front(places, SHARE)] == ["a", "d"]


def test_places_of_a_study(tmp_path: Path) -> None:
    study = read_study(study_with(tmp_path / "study"))
    findings = find(study)
    found = pareto(study, findings)
    assert found is not None and found.category == "all categories"
    by_setting = {p.setting: p for p in found.places}
    assert {s: p.share for s, p in by_setting.items()} == pytest.approx(
        {"2": 2 / 12, "4": 4 / 12, "7": 7 / 12, "12": 1.0, "12+ldp@9": 1.0}
    )
    assert by_setting["12+ldp@9"].tokens == 9 and by_setting["7"].tokens == 36
    score = findings.every[-1].scores["7"]
    assert by_setting["7"].accuracy == score.accuracy
    assert findings.judgement is not None
    noise = findings.judgement.noise["all categories"]["7"]
    assert by_setting["7"].error == pytest.approx((score.standard_error**2 + noise.variance / 3) ** 0.5)
    assert [f.cost.name for f in found.fronts] == [cost.name for cost in COSTS]
    assert [p.setting for p in found.fronts[0].best] == ["2", "4", "7"]
    tokens = [p.setting for p in found.fronts[1].best]
    assert tokens == ["12+ldp@9", "7"] or tokens == ["12+ldp@9"]


def test_costs_that_are_unknown_or_equal_have_no_front(tmp_path: Path) -> None:
    study = read_study(study_with(tmp_path / "older", operations=False))
    found = pareto(study, find(study))
    assert found is not None and [f.cost for f in found.fronts] == [SHARE, TOKENS]
    Builder(curves=CURVES, fusion_gain=None, n=20).write(tmp_path / "plain")
    plain = read_study(tmp_path / "plain")
    found = pareto(plain, find(plain))
    assert found is not None and [f.cost for f in found.fronts] == [SHARE]


def test_two_settings_make_no_picture(tmp_path: Path) -> None:
    two = {c: {k: curve[k] for k in (2, 7)} for c, curve in CURVES.items()}
    folder = Builder(curves=two, fusion_gain=None, n=20).write(tmp_path / "study")
    study = read_study(folder)
    assert pareto(study, find(study)) is None
    write_report(folder, folder / "report")
    assert not (folder / "report" / "pareto.png").exists()
    assert 'id="pareto"' not in (folder / "report" / "report.html").read_text()


def test_nothing_evaluated_makes_no_picture(tmp_path: Path) -> None:
    study = read_study(Builder(evaluated=False, n=5, analysis=False).write(tmp_path / "study"))
    assert pareto(study, find(study)) is None


def test_the_figure_shows_the_places_and_the_front() -> None:
    places = (place("d", 0.9, 0.8), place("b", 0.4, 0.7), place("c", 0.5, 0.6), place("a", 0.2, 0.5))
    axes = Figure().subplots()
    draw_costs(axes, places, Front(SHARE, front(places, SHARE)))
    line, *points = [found for found in axes.lines if len(found.get_xdata())]  # type: ignore[arg-type]
    assert line.get_drawstyle() == "steps-post" and list(line.get_xdata()) == [0.2, 0.4, 0.9]  # type: ignore[call-overload]
    shown = {(float(p.get_xdata()[0]), round(float(p.get_ydata()[0]), 6)) for p in points}  # type: ignore[index]
    assert shown == {(0.9, 80.0), (0.4, 70.0), (0.5, 60.0), (0.2, 50.0)}
    hollow = [float(p.get_xdata()[0]) for p in points if p.get_markerfacecolor() == COLORS["paper"]]  # type: ignore[index]
    assert hollow == [0.5], "what is not on the front"
    bars = [segment for c in axes.collections for segment in c.get_segments()]  # type: ignore[attr-defined]
    assert sorted((round(b[1][1] - b[0][1], 6)) for b in bars) == [2.0] * 4, "one standard error to each side"


def test_a_wide_cost_has_a_logarithmic_axis() -> None:
    axes = Figure().subplots()
    places = [place(str(n), 0.1, 0.5, operations=1e9 * n) for n in (1, 10, 1000)]
    draw_costs(axes, places, Front(OPERATIONS, front(places, OPERATIONS)))
    assert axes.get_xscale() == "log"


def test_names_cover_nothing() -> None:
    figure = Figure(figsize=(4, 3), layout="constrained")
    axes = figure.subplots()
    axes.set_xlim(0, 10)
    axes.set_ylim(0, 10)
    figure.draw_without_rendering()
    points = [(f"setting {n}", (float(x), float(y)), "#000000") for n, (x, y) in enumerate([(5, 5), (5.2, 5), (1, 9)])]
    line = ((0.0, 5.0), (10.0, 5.0))
    written = name_points(axes, points, [line])
    assert written[0] == "setting 0" and "setting 2" in written
    boxes = [text.get_window_extent() for text in axes.texts]
    assert len(boxes) == len(written) == len({tuple(b.extents) for b in boxes})
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    level = axes.transData.transform((5, 5))[1]
    assert not any(b.y0 < level < b.y1 for b in boxes), "the line stays free"


def test_a_name_without_room_is_left_out() -> None:
    figure = Figure(figsize=(4, 3), layout="constrained")
    axes = figure.subplots()
    figure.draw_without_rendering()
    points = [(f"a rather long name {n}", (0.5, 0.5), "#000000") for n in range(12)]
    written = name_points(axes, points, [])
    assert 0 < len(written) < 12 and written == [name for name, _, _ in points[: len(written)]]


def test_the_picture_is_in_the_report(tmp_path: Path) -> None:
    folder = study_with(tmp_path / "study")
    write_report(folder, folder / "report")
    assert (folder / "report" / "pareto.png").read_bytes().startswith(b"\x89PNG")
    page = (folder / "report" / "report.html").read_text()
    assert page.index('id="pareto"') < page.index('id="scores"') and "one question of 64 tokens" in " ".join(
        page.split()
    )
    told = json.loads((folder / "report" / "report.json").read_text())["pareto"]
    assert told["fronts"]["share of the tower that runs"] == ["2", "4", "7"]
    assert {s["setting"]: s["operations"] for s in told["settings"]}["7"] == 7e9
