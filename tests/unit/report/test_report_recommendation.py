"""recommendation.json: a planted winner is named, nothing is made of nothing."""

import json
from pathlib import Path

import pytest
from study_builder import Builder

from shallowsight.report.findings import find
from shallowsight.report.inputs import read_study
from shallowsight.report.recommendation import choose, recommendation


def recommend(folder: Path, **planted) -> dict:
    study = read_study(Builder(**planted).write(folder / "study"))
    return recommendation(study, choose(study, find(study)))


def test_planted_winner_and_null(planted):
    found = json.loads((planted / "report" / "recommendation.json").read_text())
    assert found["study"] == "demo" and found["tower"] == "dinov2-small" and found["note"]
    winner, null = found["categories"]["count"], found["categories"]["colour"]
    assert winner["best_layer"] == winner["vision_feature_layer"] == 7 and winner["best_setting"] == "7"
    assert winner["confidence"] == "evidence" and winner["not_distinguishable_from_best"] == []
    assert winner["evidence"].startswith("better than last (p") and "better than penultimate (p" in winner["evidence"]
    assert winner["accuracy"] == pytest.approx(0.75, abs=0.06) and winner["best_fusion"] is None
    assert null["confidence"] == "no evidence" and null["best_layer"] is None and null["vision_feature_layer"] is None
    assert null["best_setting"] is not None and len(null["not_distinguishable_from_best"]) == 3


def test_report_json_agrees(planted):
    report = json.loads((planted / "report" / "report.json").read_text())
    count = report["categories"]["count"]
    assert count["chance"] == 0.2 and count["noise_floor"]["dof"] == 4 and len(count["pairs"]) == 6
    best = max(count["scores"], key=lambda s: s["accuracy"])
    assert best["setting"] == "7" and set(best["seeds"]) == {"0", "1"} and best["n"] == best["images"] == 300
    assert report["similarity"]["groups"][1]["name"] == "middle" and report["problems"] == []


def test_a_fusion_that_adds(tmp_path):
    found = recommend(tmp_path, curves={"count": {2: 0.4, 7: 0.5, 11: 0.5, 12: 0.4}}, fusion_gain=0.3, seed_sd=0.004)
    fusion = found["categories"]["count"]["best_fusion"]
    assert (
        fusion["setting"] == "2,7,11:concat" and fusion["layers"] == [2, 7, 11] and fusion["confidence"] == "evidence"
    )
    assert fusion["evidence"].startswith("better than the best single layer (p")


def test_guessing_is_no_evidence(tmp_path):
    """Better than a last layer that is worse than chance is still guessing."""
    found = recommend(tmp_path, curves={"count": {7: 0.2, 11: 0.2, 12: 0.02}}, fusion_gain=None, seed_sd=0.002)
    entry = found["categories"]["count"]
    assert entry["confidence"] == "no evidence" and entry["evidence"].startswith("not above chance; better than last")


def test_the_last_layer_may_win(tmp_path):
    curve = {2: 0.4, 7: 0.5, 11: 0.5, 12: 0.8}
    found = recommend(tmp_path, curves={"count": curve}, fusion_gain=None, seed_sd=0.004)
    entry = found["categories"]["count"]
    assert entry["best_layer"] == 12 and entry["evidence"].startswith("is the last layer, better than penultimate")


def test_a_failed_reference_is_said(tmp_path):
    found = recommend(
        tmp_path,
        curves={"count": {2: 0.4, 7: 0.7, 11: 0.5, 12: 0.4}},
        fusion_gain=None,
        seed_sd=0.004,
        failed={("12", 0): "finetune", ("12", 1): "finetune"},
    )
    entry = found["categories"]["count"]
    assert "last layer has no result" in entry["evidence"] and entry["confidence"] == "evidence"
