"""Each heavy package has one door, and some things nobody does."""

import ast
import re
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from source_imports import PACKAGE, ROOT, imports_of, sources

DOORS = {
    "deepspeed": "train/engine.py",
    "great_expectations": "data/gate/",
    "prometheus_client": "observe/metrics/",
    "kfp": "cluster/kubeflow/pipelines.py",
    "lmms_eval": "evaluate/",
    "matplotlib": "report/",
    "onnx": "model/tower/",
    "minio": "store/objects/s3/",
    "kubernetes": "cluster/kubernetes/",
    "weave": "observe/tracking/weave_process.py",
}
HEAVY_AT_MODULE_LEVEL = {"evaluate/adapter.py"}  # each imported inside a function, where used


@cache
def package_imports() -> list[tuple[str, str, bool]]:
    """(file below the package, top-level name, inside a function)."""
    return [
        (str(each.file.relative_to(PACKAGE)), each.top, each.inside or each.for_types)
        for file in sources(PACKAGE)
        for each in imports_of(file)
    ]


@pytest.mark.parametrize("package", DOORS)
def test_one_door(package: str) -> None:
    door = DOORS[package]
    users = {file for file, top, _ in package_imports() if top == package}
    assert users, f"nobody imports {package}: strike it from the table"
    assert all(file == door or (door.endswith("/") and file.startswith(door)) for file in users), users


@pytest.mark.parametrize("package", DOORS)
def test_doors_open_when_used(package: str) -> None:
    early = {file for file, top, inside in package_imports() if top == package and not inside}
    assert early <= HEAVY_AT_MODULE_LEVEL


def test_lmms_eval_finds_our_model() -> None:
    (point,) = [p for p in entry_points(group="lmms_eval.models") if p.name == "shallowsight"]
    assert point.value == "shallowsight.evaluate.plugin:manifests"
    manifests = pytest.importorskip("lmms_eval.models.registry_v2") and point.load()()
    (manifest,) = manifests
    assert manifest.model_id == "shallowsight"
    assert manifest.simple_class_path == "shallowsight.evaluate.adapter.ShallowsightModel"


def _calls(tree: ast.AST) -> list[str]:
    return [ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)]


@pytest.mark.parametrize("file", [str(p.relative_to(PACKAGE)) for p in sources(PACKAGE)])
def test_no_module_prints_evaluates_text_or_unpickles(file: str) -> None:
    text = (PACKAGE / file).read_text(encoding="utf-8")
    tree = ast.parse(text)
    calls = _calls(tree)
    assert "print" not in calls, "log, or use the console of the session"
    assert not {"torch.load", "eval", "exec", "os.system"} & set(calls)
    assert "trust_remote_code" not in text
    assert not {"pickle", "cPickle", "dill", "joblib"} & {each.top for each in imports_of(PACKAGE / file)}
    bare = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler) and node.type is None]
    assert bare == []
    assert "shell=True" not in text


# A home folder or a checkout of whoever wrote it.
_DEVELOPER = re.compile(r"/(?:home|Users)/\w|/root/|/work/|/workspace/|[A-Z]:\\\\Users")


def test_no_path_of_a_developers_machine() -> None:
    found = []
    for folder in ("src", "components", "pipelines", "tests"):
        for file in sorted((ROOT / folder).rglob("*")):
            if not file.is_file() or "__pycache__" in file.parts or file == Path(__file__):
                continue
            if file.suffix in {".py", ".yaml", ".j2", ".json", ".toml"}:
                lines = file.read_text(encoding="utf-8").splitlines()
                found += [f"{file.relative_to(ROOT)}:{n}" for n, line in enumerate(lines, 1) if _DEVELOPER.search(line)]
    assert found == []


def test_no_test_name_is_taken_twice() -> None:
    # Without __init__.py files, pytest tells modules apart by their names alone.
    names = [p.name for p in (ROOT / "tests").rglob("*.py") if p.name != "conftest.py"]
    assert sorted(names) == sorted(set(names))
    assert not list((ROOT / "tests").rglob("__init__.py"))
