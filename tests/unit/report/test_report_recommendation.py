"""recommendation.json: a planted winner is named, nothing is made of nothing."""

import json
import shlex
from pathlib import Path

import pytest
from study_builder import FEW, Builder

from shallowsight.report.choice import choose
from shallowsight.report.exported import NO_RESULTS, OLD
from shallowsight.report.findings import find
from shallowsight.report.inputs import read_study
from shallowsight.report.recommendation import recommendation
from shallowsight.report.write import write_report
from shallowsight.study.experiments import EXPERIMENTS
from shallowsight.study.resolved import TowerFacts


def recommend(folder: Path, **planted) -> dict:
    study = read_study(Builder(**planted).write(folder / "study"))
    return recommendation(study, choose(study, find(study)))


def test_planted_winner_and_null(planted):
    found = json.loads((planted / "report" / "recommendation.json").read_text())
    assert found["study"] == "demo" and found["tower"] == "dinov2-small" and found["note"]
    winner, null = found["categories"]["count"], found["categories"]["colour"]
    assert winner["layer"] == winner["vision_feature_layer"] == winner["highest_layer"] == 7
    assert winner["confidence"] == "evidence" and winner["not_distinguishable_from_best"] == [7]
    assert winner["why"].startswith("better than the penultimate layer 11 (p") and winner["refused"] == []
    assert winner["accuracy_of_highest"] == pytest.approx(0.75, abs=0.06) and winner["fusion"] is None
    assert winner["accuracy_of_picking"] == pytest.approx(winner["accuracy_of_highest"], abs=0.01)
    assert null["confidence"] == "no evidence" and null["layer"] == 11
    assert null["not_distinguishable_from_best"] == [2, 7, 11, 12]
    assert set(null["no_worse_than_penultimate_by"]) == {"2", "7"}
    assert found["categories"]["all categories"]["layer"] == 7


def test_features_are_named(tmp_path):
    folder = Builder(n=20).write(tmp_path / "study")
    document = json.loads((folder / "study.json").read_text())
    document["study"]["base"]["vision"] |= {"normalize": True, "pool": 2}
    (folder / "study.json").write_text(json.dumps(document))
    study = read_study(folder)
    found = recommendation(study, choose(study, find(study)))["features"]
    assert found["normalized"] and found["pool"] == 2
    assert "LLaVA models of transformers do not do this" in found["stock_model"] and "2 x 2" in found["stock_model"]


def test_raw_features_are_what_stock_models_read(planted):
    found = json.loads((planted / "report" / "recommendation.json").read_text())["features"]
    assert not found["normalized"] and found["stock_model"] == "as LLaVA models of transformers read them"


def test_report_json_agrees(planted):
    report = json.loads((planted / "report" / "report.json").read_text())
    count = report["categories"]["count"]
    assert count["chance"] == 0.2 and set(count["training_noise"]) == {"2", "7", "11", "12"}
    assert len(count["pairs"]) == 6 and sum(p["planned"] for p in count["pairs"]) == 3
    best = max(count["scores"], key=lambda s: s["accuracy"])
    assert best["setting"] == "7" and set(best["seeds"]) == {"0", "1", "2"} and best["n"] == best["images"] == 300
    assert {(c["category"], c["setting"]) for c in report["learning"]} >= {("count", "7"), ("all categories", "12")}
    assert report["similarity"]["groups"][1]["name"] == "middle" and report["problems"] == []


def test_a_fusion_that_adds(tmp_path):
    found = recommend(tmp_path, curves={"count": {2: 0.4, 7: 0.5, 11: 0.5, 12: 0.4}}, fusion_gain=0.3, seed_sd=0.004)
    fusion = found["categories"]["count"]["fusion"]
    assert fusion["setting"] == "2,7,11:concat" and fusion["layers"] == [2, 7, 11]
    assert fusion["confidence"] == "evidence" and fusion["evidence"].startswith("better than every single layer (p")


def test_guessing_is_no_evidence(tmp_path):
    """Better than a penultimate layer that is worse than chance is still guessing."""
    found = recommend(tmp_path, curves={"count": {7: 0.2, 11: 0.02, 12: 0.2}}, fusion_gain=None, seed_sd=0.002)
    assert found["categories"]["count"]["confidence"] == "no evidence"


def test_the_shallowest_of_the_winners_is_chosen(tmp_path):
    curve = {2: 0.9, 7: 0.91, 11: 0.5, 12: 0.4}
    entry = recommend(tmp_path, curves={"count": curve}, fusion_gain=None, seed_sd=0.004)["categories"]["count"]
    assert entry["layer"] == 2 and entry["better_than_penultimate"] == [2, 7]


def test_the_last_layer_may_win(tmp_path):
    curve = {2: 0.4, 7: 0.5, 11: 0.5, 12: 0.8}
    entry = recommend(tmp_path, curves={"count": curve}, fusion_gain=None, seed_sd=0.004)["categories"]["count"]
    assert entry["layer"] == 12 and entry["why"].startswith("better than the penultimate layer 11")


def test_without_a_penultimate_layer_nothing_is_chosen(tmp_path):
    found = recommend(tmp_path, curves={"count": {2: 0.4, 7: 0.7, 12: 0.4}}, fusion_gain=None)["categories"]["count"]
    assert found["layer"] is None and "no penultimate layer" in found["why"] and found["highest_layer"] == 7


FACTS = TowerFacts(name="t", family="dinov2", depth=12, width=8, patch=14, has_class_token=True, digest="x")


def exported_of(folder: Path, vision: dict, language: str = "scratch", facts: bool = True, **planted) -> dict:
    """What a study of this version says of its settings 2, 7, 11, 12 and their fusion."""
    Builder(curves=FEW, n=40, **planted).write(folder)
    document = json.loads((folder / "study.json").read_text())
    base = EXPERIMENTS["demo"].model_dump(mode="json")
    base["vision"] |= {"normalize": False, "pool": 1} | vision
    base["language"]["model"] = language
    document["study"]["base"] = base
    (folder / "study.json").write_text(json.dumps(document | ({"tower": FACTS.model_dump()} if facts else {})))
    study = read_study(folder)
    return recommendation(study, choose(study, find(study)))["transformers"]


def test_the_best_setting_that_can_be_exported(tmp_path):
    found = exported_of(tmp_path / "study", {}, fusion_gain=None)
    assert (found["setting"], found["vision_feature_layer"]) == ("7", 7)  # the planted winner
    assert found["class"] == "LlavaForConditionalGeneration" and found["vision_feature_select_strategy"] == "default"
    assert found["command"] == "shallowsight export STUDY_FOLDER DIR --setting 7"
    assert 'from_pretrained("DIR")' in found["snippet"] and found["why_not"] == [] and found["unless"] == ""
    assert 0.5 < found["accuracy"] < 0.8


def test_a_better_fusion_is_taken_only_where_it_can_be_exported(tmp_path):
    raw = exported_of(tmp_path / "raw", {}, fusion_gain=0.2)
    assert (raw["setting"], raw["vision_feature_layer"]) == ("2,7,11:concat", [2, 7, 11])
    normal = exported_of(tmp_path / "normal", {"normalize": True}, fusion_gain=0.2, language="some/model")
    assert (normal["setting"], normal["class"]) == ("7", "VipLlavaForConditionalGeneration")
    assert normal["unless"] == "the export also checks the family of language.model"


def test_the_command_is_one_word_of_a_shell_for_groups(tmp_path):
    more = (("2-4|7|11:mean-concat", [2, 3, 4, 7, 11], "mean-concat", None, 36),)
    failed = {("2,7,11:concat", seed): "finetune" for seed in (0, 1, 2)}
    found = exported_of(tmp_path / "study", {}, fusion_gain=0.2, more=more, failed=failed)
    assert found["setting"] == "2-4|7|11:mean-concat" and found["vision_feature_layer"] == [2, 3, 4, 7, 11]
    assert shlex.split(found["command"])[-1] == found["setting"] and "'2-4|" in found["command"]


def test_the_highest_connector_is_named(tmp_path):
    found = recommend(tmp_path, fusion_gain=None, n=20, more=(("11+ldp", [11], "single", "ldp", 9),))
    assert {c["fusion"]["connector"] for c in found["categories"].values()} == {"ldp"}


def test_why_nothing_can_be_exported(tmp_path):
    pooled = exported_of(tmp_path / "pooled", {"pool": 2})
    assert pooled["setting"] is None and len(pooled["why_not"]) == 1 and "vision.pool=1" in pooled["why_not"][0]
    assert exported_of(tmp_path / "old", {}, facts=False) == {"setting": None, "why_not": [OLD]}
    assert exported_of(tmp_path / "no", {}, evaluated=False) == {"setting": None, "why_not": [NO_RESULTS]}


def test_the_page_says_it(tmp_path):
    exported_of(tmp_path / "can", {}, fusion_gain=None)
    page = write_report(tmp_path / "can", tmp_path / "can" / "report").read_text()
    assert "<code>vision_feature_layer=7</code>" in page and "shallowsight export STUDY_FOLDER DIR --setting 7" in page
    exported_of(tmp_path / "cannot", {"pool": 2})
    page = write_report(tmp_path / "cannot", tmp_path / "cannot" / "report").read_text()
    assert "No setting of this study can be written as a stock model" in page and "vision.pool=1" in page
