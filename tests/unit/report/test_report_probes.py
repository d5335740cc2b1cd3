"""Probes beside trained layers: the correlation, the report with and without them, and what rests on them: nothing."""

import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from study_builder import FEW, Builder

from shallowsight.report.findings import find
from shallowsight.report.inputs import read_study
from shallowsight.report.probes import agreements, sentence, summary
from shallowsight.report.terminal import terminal_table
from shallowsight.report.write import FILES, write_report

LAYERS = (2, 7, 11, 12)
RISING = {layer: 0.3 + 0.01 * layer for layer in range(1, 13)}
LIKE_COUNT = {layer: FEW["count"].get(layer, 0.35) for layer in range(1, 13)}


def probed(category: str, curve: dict[int, float], n: int = 300, rare: float = 0.0) -> dict[str, Any]:
    layers = [{"layer": k, "accuracy": value, "sd": 0.01, "error": 0.02} for k, value in curve.items()]
    blind = {"accuracy": 0.2, "sd": 0.0, "error": 0.02}
    return {
        "name": f"scenes_{category}",
        "category": category,
        "n": n,
        "rare_test": rare,
        "without_picture": blind,
        "layers": layers,
    }


def probes(*benchmarks: dict[str, Any], **skipped: str) -> str:
    return json.dumps({"seeds": 3, "benchmarks": list(benchmarks), "skipped": skipped})


def study(folder: Path, content: str | None, curves: dict[str, dict[int, float]] = FEW) -> Path:
    return Builder(curves=curves, seed_sd=0.005, fusion_gain=None, probes=content).write(folder / "study")


def test_agreement(tmp_path: Path) -> None:
    read = read_study(study(tmp_path, probes(probed("count", LIKE_COUNT), probed("colour", RISING))))
    found = {a.category: a for a in agreements(read, find(read))}
    assert list(found) == ["count", "colour", "all categories"]
    count = found["count"]
    assert tuple(count.trained) == LAYERS and set(count.probed) == set(range(1, 13))
    assert count.rho == pytest.approx(1) and count.p == pytest.approx(1 / 24)
    assert (count.choice, count.below_best) == (7, 0)
    assert sentence(count) == "rho = 1.00, from 0.80 to 1.00 (4 layers, p = 0.042)"
    assert found["colour"].choice == 12 and (found["colour"].below_best or 0) >= 0
    both = [(found["count"].probed[k].accuracy + found["colour"].probed[k].accuracy) / 2 for k in LAYERS]
    assert [found["all categories"].probed[k].accuracy for k in LAYERS] == pytest.approx(both)


def test_a_category_that_was_not_probed_leaves_out_all_categories(tmp_path: Path) -> None:
    read = read_study(study(tmp_path, probes(probed("count", LIKE_COUNT), scenes_colour="too few")))
    assert [a.category for a in agreements(read, find(read))] == ["count"]


def test_no_claim_from_three_layers(tmp_path: Path) -> None:
    three = {"count": {2: 0.45, 7: 0.75, 12: 0.40}}
    read = read_study(study(tmp_path, probes(probed("count", LIKE_COUNT)), three))
    (found,) = agreements(read, find(read))
    assert (found.rho, found.p, found.choice, found.below_best) == (None, None, None, None)
    assert sentence(found) == "three trained layers: too few to compare an order"
    assert "too few trained layers" in (summary([found]) or "")


def test_two_benchmarks_of_a_category_weigh_by_questions(tmp_path: Path) -> None:
    more = probed("count", dict.fromkeys(range(1, 13), 0.9), n=100) | {"name": "own:count"}
    read = read_study(study(tmp_path, probes(probed("count", dict.fromkeys(range(1, 13), 0.5)), more)))
    (found,) = agreements(read, find(read))
    assert found.n == 400 and found.probed[7].accuracy == pytest.approx(0.6)
    assert found.probed[7].error == pytest.approx((0.015**2 + 0.005**2) ** 0.5)
    assert found.rho is None and "no order" in sentence(found)


def test_the_report(tmp_path: Path) -> None:
    content = probes(probed("count", LIKE_COUNT, rare=0.1), probed("colour", RISING), own="all answers differ")
    folder = study(tmp_path, content)
    write_report(folder, folder / "report")
    assert sorted(p.name for p in (folder / "report").iterdir()) == sorted(
        [*FILES, "probes.png", "map.png", "pareto.png"]
    )
    raw = json.loads((folder / "report" / "report.json").read_text())["probes"]
    assert raw["categories"]["count"]["rho"] == pytest.approx(1)
    assert raw["categories"]["count"]["probed"]["7"] == {"accuracy": 0.75, "sd": 0.01, "error": 0.02}
    assert raw["skipped"] == {"own": "all answers differ"}
    page = (folder / "report" / "report.html").read_text()
    assert "What a cheap predictor says" in page and "rho = 1.00, from 0.80 to 1.00 (4 layers, p = 0.042)" in page
    assert "Not probed: own: all answers differ." in page and "count 10.0 %" in page
    console = Console(width=100, record=True)
    console.print(terminal_table(folder, 100))
    assert "rank correlation with the 4 trained layers: count 1.00" in " ".join(console.export_text().split())
    write_report(folder, folder / "report")  # its own files are no foreign ones


def test_a_study_without_probes(planted: Path) -> None:
    assert json.loads((planted / "report" / "report.json").read_text())["probes"] is None
    page = (planted / "report" / "report.html").read_text()
    assert "cheap predictor" not in page and "probes.png" not in page
    console = Console(width=100, record=True)
    console.print(terminal_table(planted, 100))
    assert "probe" not in console.export_text()


def test_damaged_probes_are_a_problem_and_no_end(tmp_path: Path) -> None:
    read = read_study(study(tmp_path, json.dumps({"seeds": 3})))
    assert read.probes is None
    assert any("probes.json does not have the agreed form" in problem for problem in read.problems)


def test_the_recommendation_rests_on_no_probe(tmp_path: Path) -> None:
    wrong = {layer: 1 - value for layer, value in LIKE_COUNT.items()}
    written = []
    for name, content in (("with", probes(probed("count", wrong), probed("colour", wrong))), ("without", None)):
        (tmp_path / name).mkdir()
        folder = study(tmp_path / name, content)
        write_report(folder, folder / "report")
        written.append((folder / "report" / "recommendation.json").read_bytes())
    assert written[0] == written[1]


def test_probes_without_a_trained_model(tmp_path: Path) -> None:
    builder = Builder(curves=FEW, fusion_gain=None, evaluated=False, probes=probes(probed("count", LIKE_COUNT)))
    folder = builder.write(tmp_path / "study")
    write_report(folder, folder / "report")
    page = (folder / "report" / "report.html").read_text()
    assert "no trained layers: too few to compare an order" in page
