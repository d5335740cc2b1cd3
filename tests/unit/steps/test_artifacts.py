"""What Kubeflow's interface is shown of a box."""

import json
from pathlib import Path

import pytest

from shallowsight.steps import artifacts
from shallowsight.study.resolved import Resolved


def test_a_pointer_names_cells(tmp_path: Path) -> None:
    artifacts.write_pointer([Path("/cache/cells/abc"), Path("/cache/cells/def")], str(tmp_path / "model"))
    assert json.loads((tmp_path / "model").read_text()) == {"cells": ["abc", "def"]}


def test_a_model_says_what_it_is_and_where(resolved: Resolved) -> None:
    cells = [Path("/cache/cells/abc"), Path("/cache/cells/def")]
    found = artifacts.model_facts(resolved, "2,3:concat", "finetune", cells, "s3://bucket/prefix/")
    assert found["checkpoints"] == "s3://bucket/prefix/cells/abc, s3://bucket/prefix/cells/def"
    own = [found[key] for key in ("setting", "stage", "study", "seeds")]
    assert own == ["2,3:concat", "finetune", "small", "0"]
    assert resolved.tower.digest[:16] in found["tower"] and resolved.base.language.model in found["language"]


def test_mean_scores_are_over_seeds(tmp_path: Path) -> None:
    for seed, value in enumerate((0.5, 1.0)):
        (tmp_path / str(seed)).mkdir()
        scores = {"benchmarks": [{"name": "own", "value": value}, {"name": "easy-vqa", "value": 0.25}]}
        (tmp_path / str(seed) / "scores.json").write_text(json.dumps(scores))
    assert artifacts.mean_scores([tmp_path / "0", tmp_path / "1"]) == {"own": 0.75, "easy-vqa": 0.25}


def test_scores_are_a_table_with_what_was_not_scored(tmp_path: Path) -> None:
    sent = {"file": "submissions/textvqa_test.json", "answers": 4, "refused": {}, "to": "https://eval.ai"}
    scores = {
        "benchmarks": [{"name": "own", "value": 0.5, "n": 8}],
        "not_run": {"gqa": "no set"},
        "submissions": {"textvqa_test": sent, "mmvet": {"file": None, "why": "a part", "to": "https://x"}},
    }
    (tmp_path / "scores.json").write_text(json.dumps(scores))
    artifacts.write_scores("3", [tmp_path], str(tmp_path / "table"))
    assert (tmp_path / "table").read_text().splitlines()[4:] == [
        "| own | 50.0 % | 8 |",
        "| gqa | not run: no set | |",
        "| textvqa_test | to be scored by its server: submissions/textvqa_test.json | 4 |",
    ]


@pytest.mark.parametrize(
    ("categories", "expected"),
    [
        pytest.param(
            {"colour": {"why": "layer 3, 98.7"}, "a|b": {"why": "x | y"}},
            "| category | what the study shows |\n|---|---|\n| colour | layer 3, 98.7 |\n| a\\|b | x \\| y |\n",
            id="categories",
        ),
        pytest.param({}, "Nothing is finished yet.\n", id="none"),
    ],
)
def test_a_summary_is_a_table(tmp_path: Path, categories: dict[str, object], expected: str) -> None:
    (tmp_path / "recommendation.json").write_text(json.dumps({"categories": categories}))
    artifacts.write_summary(tmp_path / "report.html", str(tmp_path / "summary.md"))
    assert (tmp_path / "summary.md").read_text() == expected
