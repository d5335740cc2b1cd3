"""The paper's claims in studies whose truth is planted."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import study_builder
from study_builder import Builder

from shallowsight.report.claims.answers import Answer, answers
from shallowsight.report.claims.directions import Direction
from shallowsight.report.claims.paper import read_paper
from shallowsight.report.claims.places import layers_of, place_of
from shallowsight.report.findings import find
from shallowsight.report.inputs import read_study

PAPER = read_paper()
LAYERS = (2, 7, 11, 12)  # shallow, middle, deep and penultimate, deep and last
FUSION, ALL = "fusion over the penultimate layer", "fusion over every single layer"
LAST, SOME = "the penultimate layer over the last", "a shallow or middle layer is best in some category"


def curve(*scores: float) -> dict[int, float]:
    return dict(zip(LAYERS, scores, strict=True))


def found(folder: Path, builder: Builder, tower: str = "dinov2-small") -> dict[str, Answer]:
    """What the study answers, by what was asked."""
    study = replace(read_study(builder.write(folder / "study")), tower=tower)
    return {answer.about: answer for answer in answers(study, find(study), PAPER)}


def steady(**more: object) -> Builder:
    return Builder(**{"seed_sd": 0.004, "fusion_gain": None, **more})  # type: ignore[arg-type]


def test_places_are_the_papers_groups_and_their_share_of_any_depth() -> None:
    assert [len(layers_of(place, 24)) for place in ("shallow", "middle", "deep")] == [12, 8, 4]
    assert layers_of("middle", 24) == tuple(range(13, 21)) and place_of(18, 24) == "middle"
    assert layers_of("shallow", 12) == (1, 2, 3, 4, 5, 6)
    assert layers_of("middle", 12) == (7, 8, 9, 10) and layers_of("deep", 12) == (11, 12)
    assert layers_of("deep", 1) == (1,) and layers_of("shallow", 1) == ()


def test_the_same_direction(tmp_path: Path) -> None:
    curves = {
        "ocr": curve(0.3, 0.5, 0.9, 0.7),
        "count": curve(0.5, 0.9, 0.6, 0.5),
        "position": curve(0.9, 0.6, 0.5, 0.3),
    }
    answer = found(tmp_path, steady(curves=curves))
    assert answer["OCR"].direction == answer["counting"].direction == answer["position"].direction == Direction.SAME
    assert answer["OCR"].why == "ocr: layer 11 scores highest; layers 2, 7 and 12 shown to be worse"
    assert answer["counting"].outcome == "same direction"
    assert answer[LAST].direction == Direction.SAME
    assert "layer 11 against layer 12: better in" in answer[LAST].why and "worse in none" in answer[LAST].why
    assert (answer[SOME].direction, answer[SOME].why) == (Direction.SAME, "in count and position")


def test_the_other_direction(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(study_builder.BENCHMARKS, "Count", "own:Count")  # any case of a category's name
    curves = {"ocr": curve(0.95, 0.6, 0.3, 0.6), "Count": curve(0.3, 0.3, 0.5, 0.9)}
    answer = found(tmp_path, steady(curves=curves))
    assert answer["OCR"].direction == answer["counting"].direction == answer[LAST].direction == Direction.OTHER
    assert "worse in 2 of 2 (ocr, Count)" in answer[LAST].why
    assert answer["OCR"].outcome == "other direction"


def test_a_deep_layer_is_best_everywhere(tmp_path: Path) -> None:
    answer = found(tmp_path, steady(curves={"ocr": curve(0.3, 0.3, 0.9, 0.5), "colour": curve(0.3, 0.3, 0.9, 0.5)}))
    assert answer[SOME].direction == Direction.OTHER
    assert answer[SOME].why == "the best layer is a deep one everywhere: ocr and colour"


def test_equal_layers_are_not_distinguishable(tmp_path: Path) -> None:
    same = curve(0.6, 0.6, 0.6, 0.6)
    answer = found(tmp_path, steady(curves={"ocr": same, "count": same}, fusion_gain=0.0))
    for about in ("OCR", "counting", LAST, SOME, FUSION, ALL):
        assert answer[about].direction == Direction.UNCLEAR, about
    assert answer["OCR"].why.endswith("scores highest; none of layers 2, 7, 11 and 12 can be told from the best one")
    assert answer[LAST].why.endswith("better in none; worse in none; not distinguishable in 2 of 2")


def test_a_higher_score_of_one_run_is_no_direction(tmp_path: Path) -> None:
    """As with the paper's own numbers: the noise of trainings is unknown."""
    answer = found(tmp_path, steady(curves={"ocr": curve(0.1, 0.2, 0.9, 0.5)}, seeds=(0,), fusion_gain=0.0))
    for about in ("OCR", LAST, FUSION, ALL):
        assert answer[about].direction == Direction.UNCLEAR
        assert "too few seeds: training noise unknown" in answer[about].why


def test_trainings_that_go_on_learning_are_no_direction(tmp_path: Path) -> None:
    curves = {"ocr": curve(0.3, 0.3, 0.9, 0.5), "colour": curve(0.3, 0.3, 0.9, 0.5)}
    slow = (0.1, 0.3, 0.5, 0.7, 0.8)
    answer = found(tmp_path, steady(curves=curves, held_out={"12": slow}))
    assert answer[LAST].direction == Direction.UNCLEAR
    assert "training has not levelled off in 2 of 2" in answer[LAST].why
    assert answer["OCR"].direction == Direction.SAME  # layer 12 stays in the set of the best, and is deep too
    assert answer["OCR"].why.endswith("; one difference not claimed: training has not levelled off")


def test_a_fusion_that_beats_every_layer(tmp_path: Path) -> None:
    curves = {"ocr": curve(0.5, 0.6, 0.5, 0.4), "count": curve(0.5, 0.6, 0.5, 0.4)}
    answer = found(tmp_path, steady(curves=curves, fusion_gain=0.35))
    for about in (FUSION, ALL):
        assert answer[about].direction == Direction.SAME
        assert answer[about].why == "2 + 7 + 11 (concat): better in 2 of 2 (ocr, count); worse in none"


def test_a_fusion_that_is_worse_than_the_penultimate_layer(tmp_path: Path) -> None:
    answer = found(tmp_path, steady(curves={"ocr": curve(0.5, 0.6, 0.9, 0.8)}, fusion_gain=-0.4))
    assert answer[FUSION].direction == Direction.OTHER
    assert answer[ALL].direction == Direction.UNCLEAR  # that no layer beats it is not tested


def test_only_the_papers_kind_of_fusion_is_asked(tmp_path: Path) -> None:
    """Of a shallow, a middle and a deep layer, side by side, through the study's own connector."""
    others = (
        ("7,11:concat", [7, 11], "concat", None, 36),
        ("2,7,11:mean", [2, 7, 11], "mean", None, 36),
        ("2,7,11:concat+ldpv2@9", [2, 7, 11], "concat", "ldpv2@9", 9),
    )
    answer = found(tmp_path, steady(curves={"ocr": curve(0.5, 0.6, 0.5, 0.4)}, more=others))
    assert answer[FUSION].direction == Direction.NOT_RUN
    assert answer[FUSION].why == "no result of a concat of a shallow, a middle and a deep layer"


def test_what_was_not_run(tmp_path: Path) -> None:
    builder = steady(curves={"colour": {7: 0.6, 9: 0.6}})
    answer = found(tmp_path, builder)
    assert {a.direction for a in answer.values()} == {Direction.NOT_RUN}
    assert answer["OCR"].why == "the study has no category ocr with results"
    assert answer[LAST].why == "no result of the penultimate layer"
    assert answer[SOME].why == "no layer outside the shallow or middle ones was evaluated alone"
    assert answer["OCRBench"].why == "asks about layers 23 and 18 of openai/clip-vit-large-patch14-336"
    assert all(a.why for a in answer.values())


def test_no_layer_of_the_wanted_place(tmp_path: Path) -> None:
    answer = found(tmp_path, steady(curves={"ocr": {2: 0.5, 7: 0.6}}))
    assert answer["OCR"].why == "no layer inside the deep ones was evaluated alone"


def test_a_study_without_results_is_not_run(tmp_path: Path) -> None:
    answer = found(tmp_path, Builder(evaluated=False, n=5))
    assert {a.direction for a in answer.values()} == {Direction.NOT_RUN}


@pytest.fixture
def papers_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study_builder, "ROLES", {23: ["penultimate"]})
    names = {"OCR": "ocrbench", "vision-centric": "cv_bench", "counting": "own:counting"}
    monkeypatch.setattr(study_builder, "BENCHMARKS", names)


@pytest.mark.usefixtures("papers_layers")
def test_a_study_of_the_papers_tower_reproduces_or_not(tmp_path: Path) -> None:
    curves = {
        "OCR": {3: 0.2, 18: 0.5, 23: 0.9, 24: 0.7},
        "vision-centric": {3: 0.5, 18: 0.5, 23: 0.9, 24: 0.5},
        "counting": {3: 0.5, 18: 0.6, 23: 0.6, 24: 0.5},
    }
    answer = found(tmp_path, steady(curves=curves, seeds=(0, 1, 2, 3)), PAPER.tower)
    assert answer["OCR"].outcome == answer["OCRBench"].outcome == "reproduced"
    assert (answer["CVBench"].direction, answer["CVBench"].outcome) == (Direction.OTHER, "not reproduced")
    assert (answer["counting"].direction, answer["counting"].outcome) == (Direction.UNCLEAR, "not reproduced")
    assert answer["MME position"].outcome == "not run"
    assert answer["MME position"].why == "no category of the study is mme_position alone"


@pytest.mark.usefixtures("papers_layers")
def test_a_layer_of_a_pair_is_missing(tmp_path: Path) -> None:
    answer = found(tmp_path, steady(curves={"OCR": {3: 0.2, 23: 0.9, 24: 0.7}}), PAPER.tower)
    assert (answer["OCRBench"].outcome, answer["OCRBench"].why) == ("not run", "no result of layer 18")


def test_the_report_has_the_claims(planted: Path) -> None:
    page = (planted / "report" / "report.html").read_text()
    claims = json.loads((planted / "report" / "report.json").read_text())["claims"]
    assert len(claims) == sum(len(claim.study) for claim in PAPER.claims)
    assert {"claim", "says", "about", "direction", "outcome", "why"} == set(claims[0])
    (counting,) = [claim for claim in claims if claim["about"] == "counting"]
    assert counting["outcome"] == "same direction" and f"<td>{counting['why']}</td>" in page
    assert "of 12 layers shallow is 1\N{EN DASH}6, middle is 7\N{EN DASH}10 and deep is 11 and 12." in page
    assert "This study has another tower, so that only directions can be compared" in page
    not_run = [claim for claim in claims if claim["outcome"] == "not run"]
    assert f"<summary>{len(not_run)} not run</summary>" in page
    assert all(claim["why"].replace("'", "&#39;") in page for claim in not_run)


def test_a_page_without_results_has_no_claims(tmp_path: Path) -> None:
    from shallowsight.report.write import write_report

    folder = Builder(evaluated=False, n=5, analysis=False).write(tmp_path / "study")
    assert 'id="claims"' not in write_report(folder, tmp_path / "out").read_text()
