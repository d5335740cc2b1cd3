"""Imports point one way. The table is the architecture; a new edge is a decision, so it is written here first."""

import subprocess
import sys
from pathlib import Path

import pytest
from source_imports import PACKAGE, ROOT, imports_of, module_name, sources, unit_of

# Each package and what it may import. Read downwards: a package imports packages above it only.
ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    "study": {"errors"},
    "store": {"errors", "study"},
    "observe": {"errors"},
    "data": {"errors", "study", "store"},
    "model": {"errors", "study", "store", "data"},
    "analysis": {"errors", "study", "data", "model"},
    "train": {"errors", "study", "store", "observe", "data", "model"},
    "evaluate": {"errors", "study", "store", "data", "model"},
    "export": {"errors", "study", "store", "data", "model"},
    "chat": {"errors", "study", "data", "model", "export"},
    "report": {"errors", "study", "store", "data", "evaluate", "export"},
    "cost": {"errors", "study", "data", "model", "analysis"},
    "cluster": {"errors", "study", "store", "cost"},
    "steps": {
        "errors", "study", "store", "observe", "data", "model", "analysis", "train", "evaluate", "report", "cost",
        "cluster",
    },
    "cli": {
        "errors", "study", "store", "observe", "model", "export", "chat", "report", "cost", "cluster", "steps",
    },
}  # fmt: skip
ROOT_MODULE = "shallowsight"  # its version, which anybody may read


def edges() -> dict[tuple[str, str], str]:
    """(importing unit, imported unit) -> one place where it happens."""
    found = {}
    for file in sources(PACKAGE):
        own = unit_of(module_name(file))
        for each in imports_of(file):
            other = unit_of(each.module)
            if each.top == "shallowsight" and other not in (own, ROOT_MODULE):
                found[own, other] = each.where
    return found


def test_every_edge_is_in_the_table() -> None:
    unknown = {f"{a} -> {b}": where for (a, b), where in edges().items() if b not in ALLOWED.get(a, set())}
    assert unknown == {}


def test_every_edge_of_the_table_is_used() -> None:
    assert {(a, b) for a, others in ALLOWED.items() for b in others} == set(edges())


def test_every_unit_is_in_the_table() -> None:
    units = {unit_of(module_name(file)) for file in sources(PACKAGE)}
    assert units == {*ALLOWED, ROOT_MODULE}


def test_nothing_but_errors_and_packages_is_at_the_root() -> None:
    assert {path.name for path in PACKAGE.glob("*.py")} == {"__init__.py", "errors.py"}


def modules(unit: str) -> list[str]:
    return sorted(name for file in sources(PACKAGE) if unit_of(name := module_name(file)) == unit)


@pytest.mark.parametrize("unit", ALLOWED)
def test_modules_of_a_package_have_no_circle(unit: str) -> None:
    """Imports for types and imports inside functions count too, so that each file can be read after those it names."""
    below = {
        name: {each.module for each in imports_of(file)}
        for file in sources(PACKAGE)
        if unit_of(name := module_name(file)) == unit
    }
    known: set[str] = set()
    while ready := {
        name for name, others in below.items() if name not in known and (others & set(below)) <= known | {name}
    }:
        known |= ready
    assert sorted(set(below) - known) == []


def test_the_table_has_no_circle() -> None:
    order = list(ALLOWED)
    upwards = [
        (unit, other) for unit, others in ALLOWED.items() for other in others if order.index(other) >= order.index(unit)
    ]
    assert upwards == []


@pytest.mark.parametrize("name", modules("study"))
def test_values_never_import_torch(name: str) -> None:
    """Directly or through another module, also where an import hides in a function."""
    seen: set[str] = set()
    todo = [file_of(name)]
    while todo:
        for each in imports_of(todo.pop()):
            assert each.top not in {"torch", "transformers", "numpy", "kfp"}, each.where
            if each.top == "shallowsight" and each.module not in seen:
                seen.add(each.module)
                todo.append(file_of(each.module))


def file_of(module: str) -> Path:
    path = PACKAGE.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def test_values_steps_and_session_load_no_torch() -> None:
    loaded = [
        *modules("study"),
        *(f"shallowsight.{name}" for name in ("store.plan", "cost.forecast", "steps", "cli.session")),
    ]
    code = f"import sys, {', '.join(loaded)}; print([m for m in ('torch', 'transformers', 'kfp') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_components_are_shells() -> None:
    for file in sources(ROOT / "components"):
        for each in imports_of(file):
            allowed = {"shallowsight", "shutil"} if each.inside else {"kfp", "components", "typing", "os"}
            assert each.top in allowed, f"{each.where} imports {each.module}"
            if each.top == "shallowsight":
                assert each.module in {"shallowsight.steps", "shallowsight.steps.artifacts"}, each.where


def test_pipelines_are_tables_of_contents() -> None:
    for file in sources(ROOT / "pipelines"):
        for each in imports_of(file):
            assert each.top in {"kfp", "components", "pipelines", "pathlib", "typing"}, (
                f"{each.where} imports {each.module}"
            )


def test_library_knows_neither_components_nor_pipelines() -> None:
    bad = [
        each.where for file in sources(PACKAGE) for each in imports_of(file) if each.top in {"components", "pipelines"}
    ]
    assert bad == []


@pytest.mark.slow
def test_the_pipelines_compile_without_torch() -> None:
    code = "import sys, pipelines.compile; print([m for m in ('torch', 'shallowsight') if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
