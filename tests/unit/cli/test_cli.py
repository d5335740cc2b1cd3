"""The command line: quick to answer, and every end of it has a status."""

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from command_line import Run

from shallowsight.analysis.measures.kinds import KINDS
from shallowsight.model.tower.families import FAMILIES
from shallowsight.study.connectors import CONNECTORS
from shallowsight.study.experiments import EXPERIMENTS, STUDIES
from shallowsight.study.fusions import FUSIONS

COMMAND = Path(sys.executable).parent / "shallowsight"
HEAVY = ("torch", "transformers", "kfp", "deepspeed", "lmms_eval", "great_expectations", "matplotlib", "pandas")


def test_help_answers_at_once() -> None:
    seconds = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run([COMMAND, "--help"], capture_output=True, text=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        # Processor time: the same as time on the wall where nothing else runs, and no worse where something does.
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert "study" in done.stdout
    assert "train-stage" in done.stdout
    assert min(seconds) < 0.5


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("import shallowsight", id="import"),
        pytest.param(
            "import sys; sys.argv = ['shallowsight', '--help']\nfrom shallowsight.cli import app as cli\n"
            "try: cli.main()\nexcept SystemExit: pass",
            id="help",
        ),
    ],
)
def test_nothing_heavy_is_loaded(code: str) -> None:
    code += f"\nimport sys; print('loaded:', *[m for m in {(*HEAVY, 'numpy', 'pydantic')} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded:"


def test_version_of_the_package() -> None:
    from importlib.metadata import version

    import shallowsight

    assert version("shallowsight") == shallowsight.__version__


@pytest.mark.parametrize(
    ("kind", "name", "cells"),
    [pytest.param("study", "quick", 10, id="study"), pytest.param("run", "quick", 6, id="experiment")],
)
def test_dry_run_tells_cells_and_cost_and_writes_nothing(run: Run, kind: str, name: str, cells: int) -> None:
    ended = run(kind, name, "--dry-run")
    assert ended.status == 0, ended
    assert f"0 cells are whole, {cells} are to be made" in ended.out
    assert "forecast for this machine: " in ended.out
    assert "MB of features on disk" in ended.out
    listed = [line.split() for line in ended.out.splitlines() if "to be made  " in line]
    assert [words[-1] for words in listed] == ["prepare", "analyze"]
    assert all(len(words[0]) == 16 for words in listed)
    assert f"and about {cells - 2} more" in ended.out
    assert list(Path().iterdir()) == []


def test_forecast_of_a_paper_experiment(run: Run) -> None:
    ended = run("forecast", "paper-1.4b", "--gpus", "8", "--device", "H100", "--set", "seeds=0 1")
    assert ended.status == 0, ended
    assert ended.out.startswith("paper-1.4b on 8 x H100\n")
    assert "all 50 models" in ended.out
    assert list(Path().iterdir()) == []


def test_forecast_of_settings_that_differ(run: Run) -> None:
    ended = run("forecast", "paper-7b", "--set", "settings=23 3 23+c_abstractor@144 3,18|23:internal-direct")
    assert ended.status == 0, ended
    rows = [line.split() for line in ended.out.splitlines()]
    assert ["image", "tokens", "576", "576"] in rows
    assert next(row for row in rows if row[:4] == ["23", "(1", "more", "alike)"])[4:7] == ["576", "4.2", "M"]
    assert next(row for row in rows if row[:1] == ["23+c_abstractor@144"])[1:4] == ["144", "37.4", "M"]
    assert next(row for row in rows if row[:1] == ["3,18|23:internal-direct"])[1:4] == ["576", "12.6", "M"]


def test_list(run: Run) -> None:
    lines = dict(line.split(": ") for line in run("list").out.partition("\n\n")[0].splitlines())
    assert lines["studies"].split(", ") == list(STUDIES)
    assert lines["experiments"].split(", ") == list(EXPERIMENTS)
    assert "scenes_ocr" in lines["benchmarks"]


def test_list_has_every_part_with_a_line_and_its_source(run: Run) -> None:
    lines = run("list").out.splitlines()
    for name in (*FUSIONS, *CONNECTORS, *FAMILIES, *(kind.name for kind in KINDS)):
        (found,) = [line for line in lines if line.startswith(f"  {name} ")]
        assert len(found.split()) > 3 and found.endswith(")"), found


def test_show_is_yaml_that_holds_the_overrides(run: Run) -> None:
    shown = yaml.safe_load(
        run("show", "demo", "--set", "seeds=7", "--set", "settings=-1 3,8", "--set", "vision.pool=1").out
    )
    assert shown["seeds"] == [7]
    assert shown["settings"] == ["12", "3,8:concat"]
    assert shown["base"]["vision"]["pool"] == 1


def test_no_arguments_show_the_help(run: Run) -> None:
    ended = run()
    assert ended.status in {0, 2}
    assert "Usage" in ended.out + ended.err
    assert "Traceback" not in ended.out + ended.err


def test_ctrl_c_before_the_run_is_status_4(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from shallowsight.cli import session

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(session, "run", stop)
    assert (ended := run("study", "quick")).status == 4
    assert ended.err == "shallowsight: stopped\n"


def test_full_disk_is_status_1_and_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from shallowsight import steps

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "study.json")

    monkeypatch.setattr(steps, "publish", full)
    ended = run("study", "quick")
    assert (ended.status, ended.err) == (1, "shallowsight: [Errno 28] No space left on device: 'study.json'\n")


def test_a_bug_of_ours_is_not_hidden(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from shallowsight import steps

    def bug(*_: object) -> None:
        raise AssertionError("ours")

    monkeypatch.setattr(steps, "publish", bug)
    with pytest.raises(AssertionError, match="ours"):
        run("study", "quick")


def test_resolve_alone_writes_study_json(run: Run) -> None:
    ended = run("resolve", "quick", "--out", "study", "--set", "seeds=4")
    assert ended.status == 0, ended
    assert [p.name for p in Path("study").iterdir()] == ["study.json"]
    assert json.loads(Path("study/study.json").read_text())["study"]["seeds"] == [4]
