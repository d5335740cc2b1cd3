"""A trained model is found by its cell or its study; a wrong folder is told what it holds."""

import json
from pathlib import Path

import pytest

from shallowsight.errors import ConfigurationError, CorruptOutput
from shallowsight.export.cell import find_cell
from shallowsight.store.digest import file_sha256

CHECKPOINT = ("experiment.json", "tower.json", "connector.safetensors", "language.safetensors")


def cell(study: Path, digest: str, step: str, names: tuple[str, ...], setting: str = "8") -> Path:
    folder = study / "cells" / digest
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).write_text(json.dumps({"benchmarks": [{"name": name, "value": 0.5}]}))
    outputs = {name: {"sha256": file_sha256(folder / name), "size": (folder / name).stat().st_size} for name in names}
    record = {"digest": digest, "step": step, "setting": setting, "seed": 0, "parents": {}, "outputs": outputs}
    (folder / "cell.json").write_text(json.dumps(record | {"seconds": 1.0, "machine": {}}))
    (folder / "tokenizer").mkdir()
    return folder


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Two settings with two seeds; of the second one, a seed is not trained yet."""
    study = tmp_path / "study"
    members = []
    for setting, roles in (("8", ["last"]), ("4,8:concat", [])):
        experiments = []
        for seed in (0, 1):
            names = {step: f"{step}{len(members)}{seed}" for step in ("pretrain", "finetune", "evaluate")}
            experiments.append({"seed": seed, "cells": names})
            cell(study, names["pretrain"], "pretrain", CHECKPOINT[:3], setting)
            if (setting, seed) != ("4,8:concat", 1):
                cell(study, names["finetune"], "finetune", CHECKPOINT, setting)
            if setting == "8":
                cell(study, names["evaluate"], "evaluate", ("scores.json",), setting)
        members.append({"setting": setting, "roles": roles, "experiments": experiments})
    (study / "plan.json").write_text(json.dumps({"members": members}))
    base = {"vision": {"tower": "hub/tower"}}
    (study / "study.json").write_text(json.dumps({"study": {"name": "mine", "base": base}}))
    return study


def test_by_setting_and_seed(study: Path) -> None:
    found = find_cell(str(study), "8", 1)
    assert found.folder.name == found.digest == "finetune01"
    assert (found.study, found.tower, found.tower_folder) == ("mine", "hub/tower", "")
    assert found.scores == ({"name": "scores.json", "value": 0.5},)
    assert find_cell(str(study), "8").digest == "finetune00"  # the first seed
    assert find_cell(str(study), "4,8").digest == "finetune10"  # as a user may write it
    assert find_cell(str(study), "last", 1).digest == "finetune01"


@pytest.fixture
def connectors(study: Path) -> Path:
    """The penultimate layer through a connector, listed before that of the study's own."""
    plan = json.loads((study / "plan.json").read_text())
    (first, second), roles = plan["members"], ["penultimate"]
    first |= {"setting": "11+ldp", "roles": roles}
    second |= {"setting": "11", "roles": roles}
    (study / "plan.json").write_text(json.dumps(plan))
    return study


def test_a_word_is_resolved_as_the_study_resolves_it(connectors: Path) -> None:
    document = json.loads((connectors / "study.json").read_text())
    (connectors / "study.json").write_text(json.dumps(document | {"tower": {"depth": 12}}))
    assert find_cell(str(connectors), "penultimate").digest == "finetune10"
    assert find_cell(str(connectors), "penultimate+ldp").digest == "finetune00"
    assert find_cell(str(connectors), "-2+ldp").digest == "finetune00"
    with pytest.raises(ConfigurationError, match="'last' is not trained"):
        find_cell(str(connectors), "last")


def test_a_role_of_several_settings_is_refused(connectors: Path) -> None:
    with pytest.raises(ConfigurationError, match="'penultimate' stands for 11\\+ldp and 11; name one of them"):
        find_cell(str(connectors), "penultimate")


def test_by_the_cell(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_cell(str(study / "cells" / "finetune01")) == find_cell(str(study), "8", 1)
    monkeypatch.chdir(study / "cells" / "finetune01")
    assert find_cell(".").study == "mine"


def test_a_cell_without_its_study(study: Path, tmp_path: Path) -> None:
    alone = (study / "cells" / "finetune01").rename(tmp_path / "alone")
    found = find_cell(str(alone))
    assert (found.digest, found.study, found.scores) == ("finetune01", "", ())


def test_a_tower_in_a_folder_is_known(study: Path) -> None:
    (study / "study.json").write_text(
        json.dumps({"study": {"name": "mine", "base": {"vision": {"tower": str(study)}}}})
    )
    assert find_cell(str(study), "8").tower_folder == str(study)


TRAINED = r"trained are 8 \(seed 0 1\), 4,8:concat \(seed 0\)"


@pytest.mark.parametrize(
    ("place", "setting", "seed", "said"),
    [
        pytest.param("study", "", None, f"choose one by --setting; {TRAINED}", id="no setting"),
        pytest.param("study", "9", None, f"setting '9' is not trained; {TRAINED}", id="other setting"),
        pytest.param("study", "4,8", 1, f"setting '4,8' with seed 1 is not trained; {TRAINED}", id="not trained yet"),
        pytest.param("nowhere", "", None, "nowhere: no such folder; name the folder of a finetune cell", id="nothing"),
        pytest.param("study/plan.json", "", None, "plan.json: a file; name the folder", id="a file"),
        pytest.param(
            "study/cells/pretrain00",
            "",
            None,
            r"the step pretrain \(8\), which has no language model yet",
            id="pretrain",
        ),
        pytest.param(
            "study/cells/evaluate00", "", None, r"the step evaluate \(8\), not a trained model", id="evaluate"
        ),
        pytest.param("study/cells", "", None, "it holds evaluate00, evaluate01, .* and 3 more; name", id="of cells"),
        pytest.param("s3://bucket/x", "8", None, "copy the study or its finetune cell to this machine", id="bucket"),
    ],
)
def test_a_wrong_folder(
    study: Path, place: str, setting: str, seed: int | None, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(study.parent)
    with pytest.raises(ConfigurationError, match=said):
        find_cell(place, setting, seed)


def test_nothing_trained_yet(study: Path) -> None:
    (study / "plan.json").unlink()
    with pytest.raises(ConfigurationError, match="no model of this study is trained yet"):
        find_cell(str(study), "8")


def test_an_exported_folder_is_none(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_text("")
    with pytest.raises(ConfigurationError, match="in the form of transformers already"):
        find_cell(str(tmp_path))


def test_a_changed_file(study: Path) -> None:
    (study / "cells" / "finetune00" / "language.safetensors").write_text("other")
    with pytest.raises(CorruptOutput, match=r"language.safetensors is missing or not the file"):
        find_cell(str(study), "8")
