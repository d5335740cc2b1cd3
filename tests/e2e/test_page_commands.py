"""Commands of the pages that are quick enough to be run as they stand there."""

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from pages import blocks, commands
from study_runs import COMMAND, environment

from shallowsight.cluster.kubeflow.shipped import IMAGE_VARIABLES, shipped
from shallowsight.cluster.schedules.values import read_schedules
from shallowsight.study.overrides import load_study

COMMANDS = [code.text for code in commands()]


def shallowsight(*arguments: str) -> str:
    """What it prints; nothing is said beside that."""
    done = subprocess.run([str(COMMAND), *arguments], env=environment(), capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def studies() -> list[str]:
    """One with its data in a folder, one in a bucket."""
    return [block for block in blocks("yaml") if block.startswith("base:")]


def test_own_data_in_a_bucket(tmp_path: Path) -> None:
    _, study = studies()
    (tmp_path / "my.yaml").write_text(study)
    data = load_study(str(tmp_path / "my.yaml"), [], lambda tower: 12).base.data
    assert data.files == ("s3://bucket/vqa/train.json", "s3://bucket/vqa/test.jsonl")


@pytest.mark.slow
def test_own_data(own_data: Path, tmp_path: Path) -> None:
    """The file and the command of README.md, on a folder of pictures and records."""
    my, _ = studies()
    folder = tmp_path / "own"
    shutil.copytree(own_data, folder)
    records = [json.loads(line) for line in (folder / "test.jsonl").read_text().splitlines()]
    (folder / "test.json").write_text(json.dumps(records))
    (folder / "my.yaml").write_text(my)
    (command,) = [each for each in COMMANDS if each.startswith(".venv") and "my.yaml" in each and "--dry-run" in each]
    words = shlex.split(command.replace("my.yaml", str(folder / "my.yaml")))
    printed = shallowsight(*words[1:], "--out", str(tmp_path / "x"))
    settings = yaml.safe_load(my)["set"]["settings"]
    assert f"settings {', '.join(settings)}; seeds 0, 1, 2" in printed
    assert "0 cells are whole" in printed


QUICK = [
    pytest.param("shallowsight show demo", "name: demo", id="show demo"),
    pytest.param("shallowsight show paper-1.4b", "data/finetune/images", id="show paper"),
    pytest.param("shallowsight list", "benchmarks: ", id="list"),
    pytest.param("shallowsight benchmarks list", "lmms-lab-encoder/POPE", id="benchmarks"),
    pytest.param("shallowsight forecast paper-1.4b --device A100-80G --gpus 4", "GPU-hours", id="forecast"),
    pytest.param("shallowsight forecast paper-fusion-1.4b", "18,23:mmfuser", id="forecast of fusions"),
    pytest.param("shallowsight forecast paper-connectors-7b", "23+c_abstractor@64", id="forecast of connectors"),
]


@pytest.mark.parametrize(("command", "says"), QUICK)
def test_quick_ones(command: str, says: str) -> None:
    assert command in COMMANDS
    assert says in shallowsight(*shlex.split(command)[1:])


@pytest.mark.parametrize("name", ["fusions", "connectors"])
def test_studies_of_the_lab_are_planned(name: str, tmp_path: Path) -> None:
    printed = shallowsight("study", name, "--dry-run", "--out", str(tmp_path / "x"))
    assert "0 cells are whole" in printed and "forecast for this machine" in printed


def test_schedules_are_read(tmp_path: Path) -> None:
    (text,) = [block for block in blocks("yaml") if "schedules:" in block]
    (tmp_path / "schedules.yaml").write_text(text)
    found = read_schedules(tmp_path / "schedules.yaml")
    assert [each.name for each in found.schedules] == ["weekly-shallow", "nightly-deep"]


def test_every_block_of_yaml_is_read_by_somebody() -> None:
    kinds = [re.match(r"base:|expectations:|resources:|version:", block) for block in blocks("yaml")]
    assert sorted(kind[0] for kind in kinds if kind) == ["base:", "base:", "expectations:", "resources:", "version:"]
    assert None not in kinds


def test_images_of_the_exports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    exports = [shlex.split(line)[1] for line in COMMANDS if re.match(r"export SHALLOWSIGHT_\w+_IMAGE=", line)]
    named = dict(line.split("=") for line in exports)
    assert set(named) == set(IMAGE_VARIABLES.values())
    for name, image in named.items():
        monkeypatch.setenv(name, image)
    shipped.cache_clear()
    try:
        found = set(re.findall(r"image: (\S+)", shipped("layer_study").text))
    finally:
        shipped.cache_clear()
    assert found == set(named.values())
