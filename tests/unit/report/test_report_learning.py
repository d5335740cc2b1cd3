"""What the report reads of the held-out questions of a finetuning."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from study_builder import Builder, digest_of

from shallowsight.data.learning import LEARNING, Answers
from shallowsight.report.inputs import OUTPUTS, read_study
from shallowsight.report.values import Point, Trial

KINDS = {"count": {"questions": 40, "loss": 0.31, "exact": 0.8}}
WHOLE = {"points": [{"update": 188, "share": 0.25, "kinds": KINDS}, {"update": 750, "share": 1.0, "kinds": KINDS}]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A study of two layers and a seed, whose trainings left nothing about held-out questions."""
    curves = {"count": {7: 0.75, 12: 0.40}}
    study = Builder(
        curves=curves, seeds=(0,), n=20, fusion_gain=None, unfinished={("12", 0)}, held_out={"7": None, "12": None}
    )
    return study.write(tmp_path / "study")


def leave(folder: Path, setting: str, text: str, recorded: str | None = None) -> None:
    """Put the file into the finetune cell, with the sha256 of `recorded` if that is another text."""
    cell = folder / "cells" / digest_of("finetune", setting, 0)
    (cell / LEARNING).write_text(text, encoding="utf-8")
    document = json.loads((cell / "cell.json").read_text())
    content = (text if recorded is None else recorded).encode()
    document["outputs"][LEARNING] = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
    (cell / "cell.json").write_text(json.dumps(document))


def trial(folder: Path, setting: str) -> Trial:
    return read_study(folder).member(setting).trials[0]


@pytest.mark.parametrize(("setting", "state"), [("7", "done"), ("12", "unfinished at evaluate")])
def test_points_of_every_finished_training(folder: Path, setting: str, state: str) -> None:
    leave(folder, setting, json.dumps(WHOLE | {"left_out": 2}))
    found = trial(folder, setting)
    assert found.state == state
    answers = {"count": Answers(questions=40, loss=0.31, exact=0.8)}
    assert found.learning == (
        Point(update=188, share=0.25, kinds=answers),
        Point(update=750, share=1.0, kinds=answers),
    )


def test_an_older_study_has_none(folder: Path) -> None:
    study = read_study(folder)
    assert all(t.learning == () for m in study.members for t in m.trials) and study.problems == ()


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "{}{}",
        json.dumps({"points": [{"update": 1}]}),
        json.dumps({"points": [{"update": 1, "share": 1.0, "kinds": {"count": {"questions": 4, "loss": None}}}]}),
    ],
)
def test_a_damaged_file_is_a_problem(folder: Path, text: str) -> None:
    leave(folder, "7", text)
    study = read_study(folder)
    assert study.member("7").trials[0].learning == () and study.member("7").trials[0].done
    (problem,) = study.problems
    assert problem.startswith(f"learning.json of cell {digest_of('finetune', '7', 0)[:12]} cannot be used: ")


def test_another_file_than_was_recorded_is_a_problem(folder: Path) -> None:
    leave(folder, "7", json.dumps(WHOLE), recorded=json.dumps({"points": []}))
    study = read_study(folder)
    assert study.member("7").trials[0].learning == ()
    assert len(study.problems) == 1 and "does not have the sha256" in study.problems[0]


def test_it_is_fetched_from_a_bucket() -> None:
    assert LEARNING in OUTPUTS


def test_the_form_is_that_of_a_training(folder: Path) -> None:
    """No more and no fewer keys."""
    more: dict[str, Any] = WHOLE | {"seconds": 3.0}
    leave(folder, "7", json.dumps(more))
    assert "seconds" in read_study(folder).problems[0]
