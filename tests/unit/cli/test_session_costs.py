"""What a run says that it costs, and what a budget does to it."""

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import pytest
from session_runs import run

from shallowsight import steps
from shallowsight.cli import session
from shallowsight.cli.forecast import forecast
from shallowsight.cli.local_run import BudgetSpent
from shallowsight.errors import ConfigurationError, Interrupted


def test_the_plan_says_what_each_stage_takes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from shallowsight.cost import machines
    from shallowsight.cost.calibration import Speed

    monkeypatch.setattr(machines, "training_speed", lambda work, threads: Speed(1e-9, 0.01, 100_000))
    run("study", tmp_path / "out", "finetune.checkpointing=true", dry_run=True)
    lines = capsys.readouterr().out.splitlines()
    place = next(n for n, line in enumerate(lines) if line.startswith("forecast for this machine: "))
    assert "MB of features on disk" in lines[place]
    pretrain, finetune = lines[place + 1 : place + 3]
    assert pretrain.startswith("  pretrain: 2 models, ")
    assert finetune.startswith("  finetune: 2 models, ")
    assert pretrain.endswith(" GB of memory each")
    assert "without recomputation and padding" in finetune


def test_what_cannot_be_forecast_can_be_run(
    pipelines: list[tuple[Any, ...]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def unknown(*_: object) -> None:
        raise ConfigurationError("no figures for a GPU 'X'")

    monkeypatch.setattr(session, "outlook", unknown)
    run("study", tmp_path / "out", hours=0.001)
    assert "no forecast: no figures for a GPU 'X'" in capsys.readouterr().out
    assert len(pipelines) == 1


def test_a_whole_study_is_not_timed(
    pipelines: list[tuple[Any, ...]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "likely_missing", lambda _: [])
    monkeypatch.setattr(session, "outlook", lambda *_: pytest.fail("the machine was measured for nothing"))
    run("study", tmp_path / "out", dry_run=True)


@pytest.mark.parametrize(("gpus", "hours", "says"), [(0, 1.9, "2 hours"), (4, 7.9, "8 GPU-hours")])
def test_a_budget_that_cannot_do_is_refused_first(
    pipelines: list[tuple[Any, ...]], tmp_path: Path, gpus: int, hours: float, says: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"--budget {hours}: the missing cells take at least {says}"):
        run("study", tmp_path / "out", gpus=gpus, hours=hours)
    assert pipelines == [] and not (tmp_path / "out").exists()
    run("study", tmp_path / "out", gpus=gpus, hours=hours + 0.2)
    ((*_, seconds, _),) = pipelines
    assert 7000 < seconds < 8000, "what is left of it, on the clock"


def test_a_spent_budget_says_how_to_go_on(
    pipelines: list[tuple[Any, ...]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stops(*_: object) -> None:
        raise BudgetSpent("spent")

    monkeypatch.setattr(session, "run_pipeline", stops)
    with pytest.raises(Interrupted) as found:
        run("study", tmp_path / "out", hours=2.5)
    assert found.value.exit_status == 4
    assert str(found.value) == (
        "the budget of 2.5 hours is spent; 0 of 10 cells are whole; the same command with a larger --budget "
        f"continues, and `shallowsight report --out {tmp_path / 'out'}` reports the finished cells"
    )


def test_a_budget_that_was_just_enough_is_a_success(
    pipelines: list[tuple[Any, ...]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Stopped when only the report was to be written."""
    plain = session.status_of

    def stops(*_: object) -> None:
        monkeypatch.setattr(session, "status_of", lambda *a: dataclasses.replace(plain(*a), plan=object(), missing=()))
        raise BudgetSpent("spent")

    done: list[str] = []
    monkeypatch.setattr(session, "run_pipeline", stops)
    monkeypatch.setattr(steps, "plan_members", lambda *_: done.append("plan"))
    monkeypatch.setattr(steps, "report", lambda *_: done.append("report"))
    run("study", tmp_path / "out", hours=2.5)
    assert done == ["plan", "report"]
    assert capsys.readouterr().out.splitlines()[-1] == "VERDICT"


def test_a_dry_run_of_what_is_not_here_names_the_forecast(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object) -> None:
        raise ConfigurationError("no data source 'data/x.json'")

    monkeypatch.setattr(steps, "resolve_study", missing)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match=r"^no data source 'data/x.json'; `shallowsight forecast paper-1.4b`"):
        run("study", None, name="paper-1.4b", dry_run=True)
    # Not for a mistake that the forecast would refuse too, and not when it was meant to run.
    for words, dry_run in ((["settings=30"], True), ([], False)):
        with pytest.raises(ConfigurationError, match=r"^no data source 'data/x.json'$"):
            run("study", None, *words, name="paper-1.4b", dry_run=dry_run)


def test_forecast_needs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    forecast("paper-1.4b", [], "A100-80G", 4, one=False)
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == "paper-1.4b on 4 x A100-80G"
    assert "mtgv/MobileLLaMA-1.4B-Base, 1.36 G parameters" in lines[1]
    assert "updates 2,181 5,198" in lines
    assert any(line.startswith("time 1.") and line.endswith(" h") for line in lines)
    assert any(line.startswith("GPU-hours ") for line in lines)
    assert any(line.startswith("all 75 models: ") for line in lines)
    assert lines[-1].startswith("Operations, memory and storage are computed")
    forecast("paper-7b", ["vision.layers=3,18,23", "fusion.kind=concat"], "A100-40G", 4, one=True)
    printed = capsys.readouterr().out
    assert "one model at layers 3,18,23:concat" in printed
    assert "does not fit" in printed
    assert "1 model: " in printed


def test_a_disk_that_is_too_small_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    whole = shutil.disk_usage(tmp_path)
    monkeypatch.setattr("shutil.disk_usage", lambda folder: whole._replace(free=1_000))
    with pytest.raises(
        ConfigurationError, match=rf"^--out {tmp_path}/out: the missing cells need [\d.]+ MB, the disk of "
    ):
        run("study", tmp_path / "out", dry_run=True)
