"""A user's own pictures and questions, named in the user's own study file."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from study_runs import folder_of, ledger, named, shallowsight, with_set

pytestmark = pytest.mark.slow


def _scores(study: Path) -> dict[str, Any]:
    scores = json.loads((folder_of(study, "evaluate 2") / "scores.json").read_text())
    return {s["name"]: s for s in scores["benchmarks"]}


def test_own_study_runs_from_anywhere(own_study: Path, own_data: Path, tmp_path: Path) -> None:
    scores = _scores(own_study)
    assert {name: s["n"] for name, s in scores.items()} == {"own": 32, "own:hue": 16}
    assert scores["own:hue"]["category"] == "hue"
    assert json.loads((folder_of(own_study, "prepare") / "data.json").read_text())["images"] == 60

    # By a relative path, its data in another place, where one stands: nothing is made again.
    moved = Path(shutil.copytree(own_data, tmp_path / "moved"))
    study = Path(shutil.copytree(own_study, moved / "runs" / "mine"))
    before = len(ledger(study))
    ended = shallowsight("study", "mine.yaml", cwd=moved)
    assert ended.status == 0, ended.all
    assert f"report: {study}/report/report.html" in ended.out
    assert named(ledger(study)[before:], "started") == set()

    # A changed picture is other data.
    (moved / "pictures" / "a" / "1.png").write_bytes((moved / "pictures" / "a" / "7.png").read_bytes())
    ended = shallowsight("study", "mine.yaml", "--dry-run", cwd=moved)
    assert "0 cells are whole" in ended.out


def test_paths_given_with_set_are_relative_to_where_one_stands(own_data: Path, tmp_path: Path) -> None:
    words = ["data.images=pictures", "data.pretrain=", "data.finetune=train.json", "data.test=test.jsonl"]
    words += ["benchmarks=own", "vision.image_size=84", "settings=4", "seeds=0"]
    command = ("quick", "--out", str(tmp_path / "study"), *with_set(*words))
    ended = shallowsight("prepare-data", *command, cwd=own_data)
    assert ended.status == 0, ended.all
    ended = shallowsight("study", *command, "--dry-run", cwd=own_data)
    assert "1 cell is whole" in ended.out


def test_bad_data_is_refused_before_anything_is_trained(own_data: Path, tmp_path: Path) -> None:
    mine = Path(shutil.copytree(own_data, tmp_path / "mine"))
    (mine / "pictures" / "a" / "3.png").write_bytes(b"no picture")
    (mine / "pictures" / "a" / "4.png").unlink()
    study = tmp_path / "study"
    ended = shallowsight("study", str(mine / "mine.yaml"), "--out", str(study))
    assert ended.status == 3
    assert "Traceback" not in ended.all
    assert "data refused: 2 of 60 rows are bad" in ended.err
    quarantine = study / "validation" / "files" / "quarantine.jsonl"
    assert str(quarantine) in ended.err
    rows = [json.loads(line) for line in quarantine.read_text().splitlines()]
    assert len(rows) == 2
    assert named(ledger(study), "started") == named(ledger(study), "failed") == {"prepare"}

    ended = shallowsight("study", str(mine / "mine.yaml"), "--out", str(study), "--set", "benchmarks=own:smell",
                         "--set", "data.max_bad_share=0.1")  # fmt: skip
    assert ended.status == 2  # a question that the data does not ask is a matter of configuration
    assert "own:smell" in ended.err
    assert "hue (16)" in ended.err
    assert "Traceback" not in ended.all


def test_other_forms_of_records_and_rules_of_ones_own(own_data: Path, tmp_path: Path) -> None:
    mine = Path(shutil.copytree(own_data, tmp_path / "mine"))
    rows = json.loads((mine / "train.json").read_text())
    for row in rows[1:3]:
        row["image"] = [row["image"]]
    del rows[3]["id"]
    (mine / "train.json").write_text(json.dumps(rows))
    words = ["--set", "benchmarks=own", "--set", f"data.expectations={mine / 'rules.yaml'}"]
    command = ["study", str(mine / "mine.yaml"), "--dry-run", "--out", str(tmp_path / "study"), *words]

    rule = "expectations:\n- {type: expect_column_values_to_be_between, kwargs: {column: n_turns, %s: 1}}\n"
    (mine / "rules.yaml").write_text(rule % "min")
    ended = shallowsight(*command)
    assert ended.status == 2 and "rules.yaml:2: expect_column_values_to_be_between" in ended.err, ended.all
    assert "Traceback" not in ended.all

    (mine / "rules.yaml").write_text(rule % "min_value")
    ended = shallowsight("prepare-data", str(mine / "mine.yaml"), "--out", str(tmp_path / "study"), *words)
    assert ended.status == 0, ended.all
    assert "rows converted: image_list 2, made_id 1; examples: " in ended.err
    ended = shallowsight(*command)
    assert ended.status == 0 and "1 cell is whole" in ended.out, ended.all
    (mine / "rules.yaml").write_text(rule % "min_value" + "thresholds: {no_turns: 0.1}\n")
    ended = shallowsight(*command)
    assert ended.status == 0 and "0 cells are whole" in ended.out, "other rules are other data"
