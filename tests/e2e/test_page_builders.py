"""The commands of the pages that write committed files, run in a copy: they write what is committed."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pages import ROOT
from study_runs import environment

COMPILED = Path("src/shallowsight/cluster/kubeflow/compiled")
MONITORING = Path("manifests/base/monitoring")
IGNORED = shutil.ignore_patterns("__pycache__")


def run(words: list[str], folder: Path) -> None:
    done = subprocess.run(words, cwd=folder, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_make_compile(tmp_path: Path) -> None:
    if shutil.which("make") is None:
        pytest.skip("no `make` here")
    for name in ("pipelines", "components"):
        shutil.copytree(ROOT / name, tmp_path / name, symlinks=True, ignore=IGNORED)
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / COMPILED).parent.mkdir(parents=True)
    # With this environment instead of one that it would set up.
    run(["make", "--old-file=.venv/.installed", f"BIN={Path(sys.executable).parent}", "compile"], tmp_path)
    committed = {path.name: path.read_bytes() for path in (ROOT / COMPILED).iterdir()}
    assert {path.name: path.read_bytes() for path in (tmp_path / COMPILED).iterdir()} == committed


def test_the_dashboard(tmp_path: Path) -> None:
    shutil.copytree(ROOT / MONITORING, tmp_path / MONITORING, ignore=shutil.ignore_patterns("__pycache__", "*.json"))
    run([sys.executable, "-m", "manifests.base.monitoring.dashboard"], tmp_path)
    written = (tmp_path / MONITORING / "dashboard.json").read_bytes()
    assert written == (ROOT / MONITORING / "dashboard.json").read_bytes()
