"""Imports point one way. The table is the architecture; a new edge is a decision, so it is written here first."""

import subprocess
import sys

import pytest
from source_imports import PACKAGE, ROOT, imports_of, module_name, sources, unit_of

# Each unit and what it may import. Read downwards: a unit imports units above it only.
ALLOWED: dict[str, set[str]] = {
    # Values: what a study is. No torch, no disk but what a name or a file of the user's means.
    "shallowsight": set(),
    "errors": set(),
    "layers": set(),
    "folders": set(),
    "digest": set(),
    "benchmarks": set(),
    "settings": {"layers"},
    "registry": {"errors"},
    "config": {"benchmarks", "layers", "settings"},
    "experiments": {"config", "layers"},
    "value_faults": set(),
    "overrides": {"config", "errors", "experiments", "layers", "settings", "value_faults"},
    "hub": {"errors"},
    "threads": {"errors"},
    "even_batches": {"config", "errors"},
    "parameters": {"errors"},
    "pictures": set(),
    # What the steps are made of.
    "services.objects": {"digest", "errors", "folders"},
    "assets": {"config", "digest", "errors", "hub", "pictures", "services.objects"},
    "yaml_lines": {"errors"},
    "validation": {"errors", "pictures", "value_faults", "yaml_lines"},
    "data": {"assets", "benchmarks", "config", "digest", "errors", "pictures", "services.objects", "validation"},
    "model": {"assets", "benchmarks", "config", "data", "errors", "registry", "threads"},
    "analysis": {"config", "data", "errors", "layers", "model"},
    # Cells: what there is to do, and what it costs.
    "cells": {"assets", "config", "data", "digest", "settings"},
    "plan": {"cells", "config", "digest", "layers", "settings"},
    "cost": {"assets", "cells", "config", "data", "errors", "even_batches", "settings", "threads", "validation"},
    "services": {"cells", "digest", "errors", "services.objects"},
    "train": {"assets", "config", "data", "digest", "errors", "model", "services", "services.objects", "threads"},
    "evaluate": {"assets", "benchmarks", "config", "data", "errors", "model"},
    "report": {"config", "data", "digest", "errors", "evaluate", "folders", "shallowsight"},
    "training_states": {"errors", "services.objects"},
    "resolve": {
        "assets", "cells", "config", "cost", "data", "errors", "overrides", "services", "settings", "training_states",
    },
    # The seam between boxes and library.
    "machine": {"services", "threads"},
    "stage_job": {"cells", "services", "settings", "train", "training_states"},
    "train_step": {
        "cells", "config", "errors", "machine", "services", "services.objects", "settings", "stage_job", "threads",
        "train", "training_states",
    },
    "node_task": {"cells", "config", "errors", "services", "settings"},
    "cluster_step": {"cells", "config", "digest", "errors", "node_task", "services", "settings", "training_states"},
    "tracking_step": {"cells", "config", "digest", "errors", "report", "services", "settings", "shallowsight"},
    "steps": {
        "analysis", "cells", "cluster_step", "config", "data", "errors", "evaluate", "even_batches", "machine", "model",
        "parameters", "plan", "report", "resolve", "services", "settings", "stage_job", "tracking_step", "train_step",
    },
    "artifacts": {"cells", "evaluate"},
    # A run from the command line.
    "budget": {"errors"},
    "group": set(),
    "study": {"cells", "cost", "errors", "group", "plan", "services", "steps"},
    "forecast_table": {"cost"},
    "display": {"cost", "forecast_table", "study"},
    "session": {
        "budget", "cells", "config", "cost", "display", "errors", "even_batches", "forecast_table", "overrides",
        "report", "services", "steps", "study",
    },
    "cli_steps": {"cells", "errors", "services", "steps"},
    # A run on a cluster.
    "node": {"errors", "node_task", "services", "settings", "train", "train_step"},
    "remote": {
        "assets", "config", "cost", "digest", "errors", "even_batches", "folders", "overrides", "services",
        "services.objects", "settings", "yaml_lines",
    },
    "schedules": {"config", "digest", "errors", "remote", "services", "value_faults", "yaml_lines"},
    "cli_server": {"services"},
    "cli_schedule": {"cli_server", "schedules", "services"},
    "cli_cluster": {"cli_schedule", "cli_server", "remote", "services"},
    "cli_track": {"services", "tracking_step"},
    "cli": {
        "assets", "benchmarks", "cli_cluster", "cli_steps", "cli_track", "errors", "experiments", "overrides",
        "session",
    },
}  # fmt: skip
VALUES = ("errors", "layers", "digest", "benchmarks", "settings", "registry", "config", "experiments", "overrides")


def edges() -> dict[tuple[str, str], str]:
    """(importing unit, imported unit) -> one place where it happens."""
    found = {}
    for file in sources(PACKAGE):
        own = unit_of(module_name(file))
        for each in imports_of(file):
            if each.top == "shallowsight" and unit_of(each.module) != own:
                found[own, unit_of(each.module)] = each.where
    return found


def test_every_edge_is_in_the_table() -> None:
    unknown = {f"{a} -> {b}": where for (a, b), where in edges().items() if b not in ALLOWED.get(a, set())}
    assert unknown == {}


def test_every_unit_is_in_the_table() -> None:
    units = {unit_of(module_name(file)) for file in sources(PACKAGE)}
    assert units == set(ALLOWED)


def test_the_table_has_no_circle() -> None:
    order = list(ALLOWED)
    upwards = [
        (unit, other) for unit, others in ALLOWED.items() for other in others if order.index(other) >= order.index(unit)
    ]
    assert upwards == []


@pytest.mark.parametrize("name", VALUES)
def test_values_never_import_torch(name: str) -> None:
    """Directly or through another module, also where an import hides in a function."""
    seen: set[str] = set()
    todo = [PACKAGE / f"{name}.py"]
    while todo:
        for each in imports_of(todo.pop()):
            assert each.top not in {"torch", "transformers", "numpy", "kfp"}, each.where
            if each.top == "shallowsight" and each.module not in seen:
                seen.add(each.module)
                path = PACKAGE.joinpath(*each.module.split(".")[1:])
                todo.append(path / "__init__.py" if path.is_dir() else path.with_suffix(".py"))


def test_values_steps_and_session_load_no_torch() -> None:
    modules = [
        f"shallowsight.{name}" for name in (*VALUES, "cells", "plan", "cost.forecast", "steps", "session", "cli_steps")
    ]
    code = f"import sys, {', '.join(modules)}; print([m for m in ('torch', 'transformers', 'kfp') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_components_are_shells() -> None:
    for file in sources(ROOT / "components"):
        for each in imports_of(file):
            allowed = {"shallowsight", "shutil"} if each.inside else {"kfp", "components", "typing", "os"}
            assert each.top in allowed, f"{each.where} imports {each.module}"
            if each.top == "shallowsight":
                assert each.module in {"shallowsight.steps", "shallowsight.artifacts"}, each.where


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
