"""The page claims no difference that longer training may take back."""

import json

import pytest
from study_builder import FEW, Builder

from shallowsight.report.write import write_report


def test_trainings_that_go_on_learning_support_no_claim(tmp_path):
    slow = (0.1, 0.3, 0.5, 0.7, 0.8)
    folder = Builder(curves=FEW, seed_sd=0.005, fusion_gain=None, held_out={"11": slow}).write(tmp_path / "study")
    text = write_report(folder, tmp_path / "out").read_text()
    assert "No layer is shown to beat the penultimate one: trainings have not levelled off" in text
    assert (
        "points): on held-out training questions layer 11 was 45 points behind layer 7 in the middle of the training "
        "and is 17 behind at its end; it gained 10 in the last quarter: longer training may close the gap." in text
    )
    entry = json.loads((tmp_path / "out" / "recommendation.json").read_text())["categories"]["count"]
    assert entry["layer"] == 11 and entry["confidence"] == "no evidence" and "longer training" in entry["refused"][0]


@pytest.mark.parametrize(
    ("held_out", "why"),
    [
        ((0.1, 0.2, 0.2, 0.2, 0.2), "a training of layer 11 did not learn the questions of count (20 % right"),
        (None, "not measured on held-out questions (data.held_out)"),
    ],
)
def test_what_was_not_learnt_or_measured_supports_no_claim(tmp_path, held_out, why):
    folder = Builder(curves=FEW, seed_sd=0.005, fusion_gain=None, held_out={"11": held_out}).write(tmp_path / "study")
    text = write_report(folder, tmp_path / "out").read_text()
    assert "No layer is shown to beat the penultimate one: trainings" in text and why in text
    assert ("did not learn a kind of question, as held-out questions show: layer 11 on count" in text) == bool(held_out)


@pytest.mark.parametrize("held_out", [(0.1, 0.6, 0.7, 0.74, 0.76), (0.1, 0.5, 0.7, 0.9, 0.94)])
def test_a_gap_that_does_not_close_is_claimed(tmp_path, held_out):
    """The weaker setting stays behind, or has learnt the held-out questions as well as the other."""
    folder = Builder(curves=FEW, seed_sd=0.005, fusion_gain=None, held_out={"11": held_out}).write(tmp_path / "study")
    assert "Layer 7 beats the penultimate one" in write_report(folder, tmp_path / "out").read_text()


def test_many_settings_that_learnt_nothing_are_a_short_sentence(tmp_path):
    curves = {"count": dict.fromkeys(range(1, 14), 0.5)}
    low = dict.fromkeys(map(str, range(1, 14)), (0.1, 0.2, 0.2, 0.2, 0.2))
    folder = Builder(curves=curves, fusion_gain=None, seeds=(0,), n=20, held_out=low).write(tmp_path / "study")
    write_report(folder, tmp_path / "out")
    found = json.loads((tmp_path / "out" / "report.json").read_text())
    (said,) = [caveat for caveat in found["caveats"] if "did not learn a kind" in caveat]
    listed = "layer 1 on count, layer 2 on count, layer 3 on count, layer 4 on count and 9 more."
    assert said == f"Trainings that did not learn a kind of question, as held-out questions show: {listed}"
    assert found["not_learnt"] == [{"category": "count", "setting": str(layer)} for layer in range(1, 14)]
