"""The scores of answers in samples.jsonl."""

import json
import re
from pathlib import Path

import pytest
from study_builder import CURVES, Builder, digest_of

from shallowsight.report.inputs import read_study
from shallowsight.report.values import Trial


def trial_with(score: str, folder: Path) -> Trial:
    """The first seed of layer 7 of a small study, whose first answer has this score."""
    Builder(curves={"count": CURVES["count"]}, n=20).write(folder)
    cell = folder / "cells" / digest_of("evaluate", "7", 0)
    first, *rest = (cell / "samples.jsonl").read_text().splitlines()
    changed, places = re.subn('"correct": [01]', f'"correct": {score}', first)
    assert places == 1
    (cell / "samples.jsonl").write_text("\n".join([changed, *rest]))
    record = json.loads((cell / "cell.json").read_text())
    (cell / "cell.json").write_text(json.dumps(record | {"outputs": {}}))
    return read_study(folder).member("7").trials[0]


@pytest.mark.parametrize("score", ["0", "1", "0.0", "1.0", "0.3", "1e-3"])
def test_a_score_is_a_number_from_0_to_1(score: str, tmp_path: Path) -> None:
    trial = trial_with(score, tmp_path / "study")
    assert trial.done
    assert trial.samples[0].correct == float(score)


@pytest.mark.parametrize("score", ["-0.1", "1.1", "2", "NaN", "Infinity", "null", '"1"', "[1]"])
def test_another_score_is_a_gap_with_its_reason(score: str, tmp_path: Path) -> None:
    trial = trial_with(score, tmp_path / "study")
    assert not trial.done
    assert "`correct` is a number from 0 to 1, found" in trial.error
