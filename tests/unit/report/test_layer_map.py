"""The map of categories over layers: what each cell says, what is blank, and what is no more than noise."""

import json
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from public_answers import add_public
from study_builder import Builder

from shallowsight.report.findings import find
from shallowsight.report.inputs import read_study
from shallowsight.report.layer_map import LayerMap, MapRow, Spread, brought_to_one, layer_map
from shallowsight.report.map_figure import draw_map
from shallowsight.report.write import write_report

CURVES = {
    "count": {2: 0.30, 4: 0.45, 7: 0.80, 11: 0.55},  # far beyond the noise
    "colour": {2: 0.60, 4: 0.60, 7: 0.60, 11: 0.60},  # nothing but noise
}


def test_brought_to_one() -> None:
    assert brought_to_one({"a": 3.0, "b": 1.0, "c": 2.0}) == {"a": 1.0, "b": 0.0, "c": 0.5}
    assert brought_to_one({"a": 3.0, "b": 3.0}) == {} == brought_to_one({})


def mapped(folder: Path, **how: object) -> LayerMap | None:
    built = Builder(**{"curves": CURVES, "fusion_gain": None, "analysis": False, "seed_sd": 0.005, **how})  # type: ignore[arg-type]
    study = read_study(built.write(folder))
    return layer_map(study, find(study))


def row(found: LayerMap | None, category: str) -> MapRow:
    assert found is not None
    return next(r for r in found.rows if r.category == category)


def test_a_benchmark_runs_from_its_worst_layer_to_its_best(tmp_path: Path) -> None:
    folder = Builder(curves=CURVES, fusion_gain=None, analysis=False, n=100).write(tmp_path / "study")
    study = read_study(folder)
    findings = find(study)
    found = layer_map(study, findings)
    assert found is not None and found.layers == (2, 4, 7, 11) and [r.category for r in found.rows] == [*CURVES]
    accuracy = {int(s): score.accuracy for s, score in findings.categories[0].scores.items()}
    low, high = accuracy[2], accuracy[7]
    expected = {layer: (a - low) / (high - low) for layer, a in accuracy.items()}
    assert row(found, "count").values == pytest.approx(expected)
    assert row(found, "count").range == pytest.approx(high - low)


def test_a_category_is_the_mean_over_its_scaled_benchmarks(tmp_path: Path) -> None:
    """MME has other sizes than the study's own benchmark of that category: it weighs the same."""
    folder = Builder(curves={"general": CURVES["count"]}, fusion_gain=None, analysis=False, n=100).write(tmp_path / "s")
    add_public(folder, lambda setting, seed, subtask: {"2": 3, "4": 6, "7": 3, "11": 12}[setting])
    study = read_study(folder)
    findings = find(study)
    found = layer_map(study, findings)
    own = {s: sum(t.benchmarks[0]["value"] for t in kept) / 3 for s, kept in findings.trials.items()}
    low, high = min(own.values()), max(own.values())
    mme = {"2": 0.0, "4": 1 / 3, "7": 0.0, "11": 1.0}
    expected = {int(s): ((own[s] - low) / (high - low) + mme[s]) / 2 for s in own}
    assert row(found, "general").values == pytest.approx(expected)


def test_what_is_no_more_than_noise_says_so(tmp_path: Path) -> None:
    found = mapped(tmp_path / "study")
    assert row(found, "count").spread is Spread.BEYOND and row(found, "colour").spread is Spread.WITHIN


def test_one_seed_says_nothing_of_noise(tmp_path: Path) -> None:
    found = mapped(tmp_path / "study", seeds=(0,))
    assert {row(found, c).spread for c in CURVES} == {Spread.UNKNOWN}


def test_a_layer_without_results_is_blank(tmp_path: Path) -> None:
    five = {c: curve | {12: 0.5} for c, curve in CURVES.items()}
    failed = {("4", seed): "finetune" for seed in (0, 1, 2)}
    found = mapped(tmp_path / "study", curves=five, failed=failed)
    assert found is not None and found.layers == (2, 4, 7, 11, 12)
    assert sorted(row(found, "count").values) == [2, 7, 11, 12]


def test_three_layers_make_no_map(tmp_path: Path) -> None:
    three = {c: {k: v for k, v in curve.items() if k != 4} for c, curve in CURVES.items()}
    assert mapped(tmp_path / "study", curves=three) is None
    assert mapped(tmp_path / "failed", failed={("4", s): "finetune" for s in (0, 1, 2)}) is None


def test_equal_layers_have_no_scale(tmp_path: Path) -> None:
    """All answers of all layers are right: nothing lies between a worst and a best layer."""
    found = mapped(tmp_path / "study", curves=CURVES | {"ocr": dict.fromkeys((2, 4, 7, 11), 1.0)}, n=10)
    assert row(found, "ocr").values == {} and row(found, "ocr").range == 0


def test_the_figure_shows_these_numbers() -> None:
    rows = (
        MapRow(category="count", values={2: 0.0, 7: 1.0, 11: 0.423}, range=0.3, noise=0.1),
        MapRow(category="colour", values={2: 1.0, 4: 0.5, 7: 0.0, 11: 0.25}, range=0.05, noise=0.1),
    )
    axes = Figure().subplots()
    draw_map(axes, LayerMap(layers=(2, 4, 7, 11), rows=rows))
    cells = {t.get_position(): t.get_text() for t in axes.texts if t.get_position()[0] in range(4)}
    assert cells == {
        (0, 0): "0", (2, 0): "1", (3, 0): ".42", (0, 1): "1", (1, 1): ".50", (2, 1): "0", (3, 1): ".25",
    }  # fmt: skip
    assert [t.get_text() for t in axes.get_xticklabels()] == ["2", "4", "7", "11"]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["count", "colour"]
    assert [t.get_text() for t in axes.texts if "point" in t.get_text()] == [
        "30.0 points",
        "5.0 points\nwithin training noise",
    ]
    strength = axes.images[0].get_array()[:, :, 3]  # type: ignore[index]
    assert strength.tolist() == [[1, 0, 1, 1], [0.3] * 4]


def test_the_map_is_in_the_report(planted: Path, tmp_path: Path) -> None:
    folder = Builder(curves=CURVES, fusion_gain=None, analysis=False, n=60, seed_sd=0.005).write(tmp_path / "study")
    write_report(folder, folder / "report")
    assert (folder / "report" / "map.png").read_bytes().startswith(b"\x89PNG")
    page = (folder / "report" / "report.html").read_text()
    assert page.index('id="curves"') < page.index('id="map"') < page.index('id="learning"')
    told = json.loads((folder / "report" / "report.json").read_text())["map"]
    assert told["layers"] == [2, 4, 7, 11] and {r["spread"] for r in told["rows"]} <= set(Spread)
