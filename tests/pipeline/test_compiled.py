"""The committed compiled pipelines: current, complete, and what a cluster needs."""

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from shallowsight.cluster.kubeflow.pipelines import NAMES, PARALLEL, compiled

ROOT = Path(__file__).parents[2]
COMPILED = ROOT / "src" / "shallowsight" / "cluster" / "kubeflow" / "compiled"

Spec = dict[str, Any]


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compiled in another process, with another hash seed."""
    folder = tmp_path_factory.mktemp("compiled")
    code = f"from pathlib import Path; from pipelines.compile import compile_all; compile_all(Path({str(folder)!r}))"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SHALLOWSIGHT_")}
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], cwd=ROOT, env=environment | {"PYTHONHASHSEED": "4242"}, check=True
    )
    return folder


def spec_of(name: str) -> Spec:
    return next(d for d in yaml.safe_load_all(compiled(name)) if d and "root" in d)


def dags(spec: Spec) -> Iterator[tuple[str, Spec]]:
    for name, component in {"root": spec["root"], **spec["components"]}.items():
        if "dag" in component:
            yield name, component


def closing(name: str) -> str:
    """The box that runs however the others ended."""
    return "report-and-compare" if name == "retrain" else "report"


def undeclared_inputs(spec: Spec) -> list[tuple[str, str, str]]:
    """(sub-DAG, task, input) that a task takes from its DAG's inputs though the DAG declares no such input.

    kfp forgets them where a parameter is used for resources only inside a loop or a condition.
    """
    found = []
    for name, component in dags(spec):
        inputs = component.get("inputDefinitions", {})
        declared = {key for kind in ("parameters", "artifacts") for key in inputs.get(kind, {})}
        for task_name, task in component["dag"]["tasks"].items():
            own = declared | {task.get("parameterIterator", {}).get("itemInput")}
            for kind in ("parameters", "artifacts"):
                for value in task.get("inputs", {}).get(kind, {}).values():
                    wanted = value.get("componentInputParameter") or value.get("componentInputArtifact")
                    if wanted and wanted not in own:
                        found.append((name, task_name, wanted))
    return found


def missing_arguments(spec: Spec) -> list[tuple[str, str, str]]:
    """(DAG, task, input) that a component needs and a task does not give."""
    found = []
    for name, component in dags(spec):
        for task_name, task in component["dag"]["tasks"].items():
            target = spec["components"][task["componentRef"]["name"]].get("inputDefinitions", {})
            for kind in ("parameters", "artifacts"):
                given = {*task.get("inputs", {}).get(kind, {}), task.get("parameterIterator", {}).get("itemInput")}
                for key, definition in target.get(kind, {}).items():
                    optional = definition.get("isOptional") or "defaultValue" in definition
                    if key not in given and not optional:
                        found.append((name, task_name, key))
    return found


@pytest.mark.parametrize("name", NAMES)
def test_committed_is_current(name: str, fresh: Path) -> None:
    committed = (COMPILED / f"{name}.yaml").read_bytes()
    assert committed == (fresh / f"{name}.yaml").read_bytes(), "run: make compile"


def test_every_committed_file_is_compiled_and_named(fresh: Path) -> None:
    assert {p.name for p in COMPILED.iterdir()} == {p.name for p in fresh.iterdir()} == {f"{n}.yaml" for n in NAMES}


def test_link_in_pipelines_leads_to_the_package() -> None:
    assert (ROOT / "pipelines" / "compiled").resolve() == COMPILED


@pytest.mark.parametrize("name", NAMES)
def test_no_dag_misses_an_input(name: str) -> None:
    assert undeclared_inputs(spec_of(name)) == []
    assert missing_arguments(spec_of(name)) == []


def test_the_lint_finds_a_missing_input() -> None:
    spec = spec_of("layer_study")
    loop = next(name for name, _ in dags(spec) if name.startswith("comp-for-loop"))
    del spec["components"][loop]["inputDefinitions"]["parameters"]["pipelinechannel--gpus"]
    assert (loop, "member", "pipelinechannel--gpus") in undeclared_inputs(spec)


def test_the_lint_finds_a_missing_argument() -> None:
    spec = spec_of("layer_study")
    tasks = spec["components"]["comp-member"]["dag"]["tasks"]
    del tasks["evaluate"]["inputs"]["parameters"]["setting"]
    assert missing_arguments(spec) == [("comp-member", "evaluate", "setting")]


@pytest.mark.parametrize("name", NAMES)
def test_no_task_is_cached_by_kfp(name: str) -> None:
    # The store knows what is whole; KFP's cache does not look.
    spec = spec_of(name)
    cached = [
        (dag, task_name)
        for dag, component in dags(spec)
        for task_name, task in component["dag"]["tasks"].items()
        if "executorLabel" in spec["components"][task["componentRef"]["name"]]
        and task.get("cachingOptions", {}).get("enableCache", False)
    ]
    assert cached == []
    executed = [c for c in spec["components"].values() if "executorLabel" in c]
    assert executed  # or the check above looks at nothing


@pytest.mark.parametrize("name", NAMES)
def test_gpus_is_a_string_everywhere(name: str) -> None:
    # An integer never reaches the limits of a pod.
    found = [
        definition["parameterType"]
        for component in [spec_of(name)["root"], *spec_of(name)["components"].values()]
        for key, definition in component.get("inputDefinitions", {}).get("parameters", {}).items()
        if key.split("--")[-1] in {"gpus", "step_gpus"}
    ]
    assert len(found) >= 3
    assert set(found) == {"STRING"}


@pytest.mark.parametrize(
    ("name", "first", "more"),
    [
        ("layer_study", "study", {}),
        ("train_and_evaluate", "experiment", {}),
        ("retrain", "study", {"settings": "LIST"}),
    ],
)
def test_parameters_of_the_user_interface(name: str, first: str, more: dict[str, str]) -> None:
    parameters = spec_of(name)["root"]["inputDefinitions"]["parameters"]
    assert {k: p["parameterType"] for k, p in parameters.items()} == {
        first: "STRING",
        "overrides": "LIST",
        "store": "STRING",
        "gpus": "STRING",
        "step_gpus": "STRING",
        "priority": "STRING",
        **more,
    }
    assert parameters[first]["defaultValue"] == "demo"


@pytest.mark.parametrize("name", NAMES)
def test_what_belongs_to_a_run_is_told_which(name: str) -> None:
    """The server puts the run's id in place of this text, and of no longer one."""
    told = {
        task["componentRef"]["name"].removeprefix("comp-"): task["inputs"]["parameters"]["run"]
        for _, dag in dags(spec_of(name))
        for task in dag["dag"]["tasks"].values()
        if "run" in task.get("inputs", {}).get("parameters", {})
    }
    resolving = {"layer_study": "resolve-study", "retrain": "resolve-retraining"}.get(name, "resolve-experiment")
    assert {resolving, "train-stage", closing(name)} <= set(told) and all(
        value == {"runtimeValue": {"constant": "{{$.pipeline_job_uuid}}"}} for value in told.values()
    )


@pytest.mark.parametrize("name", NAMES)
def test_report_runs_however_the_pipeline_ends(name: str) -> None:
    tasks = spec_of(name)["root"]["dag"]["tasks"]
    assert tasks[closing(name)]["triggerPolicy"]["strategy"] == "ALL_UPSTREAM_TASKS_COMPLETED"
    assert len(tasks) == 2  # everything else is inside the exit handler


def test_a_retraining_shows_how_it_compares() -> None:
    outputs = spec_of("retrain")["components"]["comp-report-and-compare"]["outputDefinitions"]["artifacts"]
    kinds = {name: found["artifactType"]["schemaTitle"] for name, found in outputs.items()}
    assert kinds == {
        "page": "system.HTML",
        "summary": "system.Markdown",
        "comparison": "system.Markdown",
        "verdicts": "system.Metrics",
    }


@pytest.mark.slow
def test_members_at_once_are_what_the_forecast_counts_with() -> None:
    from pipelines.study import MEMBERS_AT_ONCE

    loops = [
        task["iteratorPolicy"]["parallelismLimit"]
        for _, component in dags(spec_of("layer_study"))
        for task in component["dag"]["tasks"].values()
        if "parameterIterator" in task
    ]
    assert loops == [MEMBERS_AT_ONCE] == [PARALLEL]


@pytest.mark.parametrize("name", NAMES)
def test_images_are_named_for_the_local_runner_and_tagged(name: str) -> None:
    images = {e["container"]["image"] for e in spec_of(name)["deploymentSpec"]["executors"].values()}
    for image in images:
        assert "python" in image  # else the local runner warns
        assert image.partition(":")[2] not in {"", "latest"}  # KFP's keys hold the text only


@pytest.mark.parametrize("name", NAMES)
def test_steps_install_nothing(name: str) -> None:
    assert "pip install" not in compiled(name)


@pytest.mark.slow
def test_wheel_has_the_pipelines_and_not_their_sources(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    listed = subprocess.run(
        ["git", "ls-files", "src", "components", "pipelines", "pyproject.toml", "README.md", "LICENSE", "NOTICE"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.split()  # fmt: skip
    for name in listed:
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_file():
            shutil.copyfile(ROOT / name, checkout / name)
    (checkout / "README.md").touch()
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", "dist", "."]
    subprocess.run(command, cwd=checkout, check=True)
    (wheel,) = (checkout / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        names = opened.namelist()
        for name in NAMES:
            inside = opened.read(f"shallowsight/cluster/kubeflow/compiled/{name}.yaml")
            assert inside == (COMPILED / f"{name}.yaml").read_bytes()
        points = opened.read(next(n for n in names if n.endswith("entry_points.txt"))).decode()
    assert "shallowsight/report/template.html.j2" in names
    assert {n.split("/")[0].partition("-")[0] for n in names} == {"shallowsight"}
    assert "shallowsight = shallowsight.evaluate.plugin:manifests" in points
    assert "shallowsight = shallowsight.cli.app:main" in points
