"""What a user sees of a run, and in which order things happen."""

import dataclasses
import io
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from shallowsight import steps
from shallowsight.cli import session
from shallowsight.cli.display import Display
from shallowsight.cli.local_run import BudgetSpent
from shallowsight.cost.forecast import Outlook
from shallowsight.cost.local import Forecast
from shallowsight.errors import ConfigurationError, Interrupted, ShallowsightError
from shallowsight.observe.progress import VARIABLE, notice
from shallowsight.store.mirror import MirroredStore
from shallowsight.store.objects.opening import open_objects
from shallowsight.store.store import Store


@pytest.fixture
def pipelines(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Pipelines that would have been run; they do nothing, and their forecast is two to three hours."""
    started: list[tuple[Any, ...]] = []
    monkeypatch.setattr(session, "outlook", lambda *_: Outlook(Forecast(7200.0, 10800.0, 5e6), ()))
    monkeypatch.setattr(session, "run_pipeline", lambda *arguments: started.append(arguments))
    monkeypatch.setattr(session, "_print_verdict", lambda console, store: console.print("VERDICT"))
    return started


def run(
    kind: str,
    out: Path | None,
    *words: str,
    name: str = "quick",
    dry_run: bool = False,
    gpus: int = 0,
    hours: float = math.inf,
) -> None:
    session.run(kind, name, words, out, dry_run=dry_run, gpus=gpus, hours=hours)


@pytest.mark.parametrize(
    ("kind", "pipeline", "parameter"),
    [("study", "layer_study", "study"), ("experiment", "train_and_evaluate", "experiment")],
)
def test_run_starts_the_pipeline(
    pipelines: list[tuple[Any, ...]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    kind: str,
    pipeline: str,
    parameter: str,
) -> None:
    run(kind, tmp_path / "out", "seeds=3" if kind == "study" else "seed=3", gpus=2)
    ((name, arguments, store, _, seconds, _),) = pipelines
    assert seconds == math.inf
    assert name == pipeline
    assert arguments[parameter] == "quick"
    assert arguments["gpus"] == "2"
    assert store.root == tmp_path / "out"
    assert json.loads((tmp_path / "out" / "study.json").read_text())["study"]["seeds"] == [3]
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == f"shallowsight: {kind} quick"
    assert printed[-1] == "VERDICT"


@pytest.mark.parametrize("url", ["file:///store", "s3://bucket/my study"])
def test_the_end_says_how_others_get_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], url: str
) -> None:
    from shallowsight.report import terminal

    objects = open_objects((tmp_path / "store").as_uri())
    store = MirroredStore(objects, tmp_path / "copy")
    (store.root / "report").mkdir(parents=True)
    (store.root / "report" / "recommendation.json").write_text('{"categories": {"count": {"evidence": "none"}}}')
    monkeypatch.setattr(terminal, "terminal_table", lambda study: "TABLE")
    monkeypatch.setattr(objects, "url", url)
    session._print_verdict(session._console(), store)
    printed = capsys.readouterr().out.splitlines()
    assert printed[:4] == ["TABLE", "", f"report: {tmp_path}/copy/report/report.html", "  count: none"]
    bucket = [
        "in the bucket: s3://bucket/my study/report/report.html; to any other machine: "
        "shallowsight fetch 's3://bucket/my study' --out DIR"
    ]
    assert printed[4:] == (bucket if url.startswith("s3:") else [])


def test_default_folder_is_named_for_the_study(
    pipelines: list[tuple[Any, ...]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text("base: quick\n")
    run("study", None, name="mine.yaml")
    run("study", None)
    assert sorted(p.name for p in (tmp_path / "runs").iterdir()) == ["mine", "quick"]


def test_dry_run_starts_and_writes_nothing(pipelines: list[tuple[Any, ...]], tmp_path: Path) -> None:
    run("study", tmp_path / "out", dry_run=True)
    assert pipelines == []
    assert not (tmp_path / "out").exists()


def test_first_line_comes_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def slow(*_: object) -> None:
        assert "shallowsight: study quick" in capsys.readouterr().out
        raise ConfigurationError("seen")

    monkeypatch.setattr(steps, "resolve_study", slow)
    with pytest.raises(ConfigurationError, match="seen"):
        run("study", tmp_path / "out")


@pytest.mark.parametrize("content", ["file", "folder", "study", "empty"])
def test_only_own_folders_are_used(pipelines: list[tuple[Any, ...]], tmp_path: Path, content: str) -> None:
    out = tmp_path / "out"
    if content == "file":
        out.write_text("mine")
    else:
        out.mkdir()
    if content == "folder":
        (out / "photo.png").touch()
    if content == "study":
        (out / "study.json").write_text("{}")
    if content in {"file", "folder"}:
        with pytest.raises(ConfigurationError, match="--out"):
            run("study", out)
    else:
        run("study", out)
    assert len(pipelines) == (content in {"study", "empty"})


def test_a_second_run_touches_nothing_of_the_first(pipelines: list[tuple[Any, ...]], tmp_path: Path) -> None:
    run("study", tmp_path / "out")
    before = (tmp_path / "out" / "study.json").read_bytes()
    with (
        Store(tmp_path / "out").exclusive(),
        pytest.raises(ShallowsightError, match="is in use by process"),
    ):
        run("study", tmp_path / "out", "seeds=5")
    assert (tmp_path / "out" / "study.json").read_bytes() == before
    assert len(pipelines) == 1


def test_another_study_takes_the_plan_with_it(pipelines: list[tuple[Any, ...]], tmp_path: Path) -> None:
    plan = tmp_path / "out" / "plan.json"
    run("study", tmp_path / "out")
    plan.write_text("{}")
    run("study", tmp_path / "out")
    assert plan.exists(), "the same study keeps it"
    run("study", tmp_path / "out", "seeds=5")
    assert not plan.exists()


def test_batches_that_do_not_divide_are_refused_first(pipelines: list[tuple[Any, ...]], tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"pretrain.global_batch=16 does not divide among 3 processes"):
        run("study", tmp_path / "out", gpus=3)
    assert pipelines == [] and not (tmp_path / "out").exists()


@pytest.mark.parametrize("planned", [True, False])
def test_what_was_finished_is_shown_when_a_run_fails(
    pipelines: list[tuple[Any, ...]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    planned: bool,
) -> None:
    def fails(name: str, arguments: Any, store: Store, *_: Any) -> None:
        (store.root / "report").mkdir(parents=True)
        (store.root / "report" / "report.json").write_text("{}")
        if planned:
            (store.root / "plan.json").write_text("{}")
        raise ShallowsightError("finetune 6: no")

    monkeypatch.setattr(session, "run_pipeline", fails)
    with pytest.raises(ShallowsightError, match="finetune 6"):
        run("study", tmp_path / "out")
    # Before there is a plan there is nothing to show: the error stands alone.
    assert ("VERDICT" in capsys.readouterr().out) == planned


@pytest.mark.parametrize("error", [Interrupted("stopped"), ShallowsightError("nothing was finished")])
def test_nothing_is_shown_when_there_is_nothing(
    pipelines: list[tuple[Any, ...]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str], error: ShallowsightError,
) -> None:  # fmt: skip
    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr(session, "run_pipeline", fails)
    with pytest.raises(type(error)):
        run("study", tmp_path / "out")
    assert "VERDICT" not in capsys.readouterr().out


def test_square_brackets_in_names_and_paths_are_kept(
    pipelines: list[tuple[Any, ...]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "[a] :cat:.yaml").write_text("base: quick\n")
    run("study", tmp_path / "out", name=str(tmp_path / "[a] :cat:.yaml"))
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].endswith("/[a] :cat:.yaml")
    assert printed[1].startswith("[a] :cat:: settings 6, last; seeds 0")


# --- What it costs -------------------------------------------------------------------------------------------------


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
    session.forecast("paper-1.4b", [], "A100-80G", 4, one=False)
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == "paper-1.4b on 4 x A100-80G"
    assert "mtgv/MobileLLaMA-1.4B-Base, 1.36 G parameters" in lines[1]
    assert "updates 2,181 5,198" in lines
    assert any(line.startswith("time 1.") and line.endswith(" h") for line in lines)
    assert any(line.startswith("GPU-hours ") for line in lines)
    assert any(line.startswith("all 25 models: ") for line in lines)
    assert lines[-1].startswith("Operations, memory and storage are computed")
    session.forecast("paper-7b", ["vision.layers=3,18,23", "fusion.kind=concat"], "A100-40G", 4, one=True)
    printed = capsys.readouterr().out
    assert "one model at layers 3,18,23:concat" in printed
    assert "does not fit" in printed
    assert "1 model: " in printed


# --- The display ---------------------------------------------------------------------------------------------------


@pytest.fixture
def tell(tmp_path: Path) -> Callable[..., None]:
    def write(task: str, done: int, total: int, note: str = "", end: str = "\n") -> None:
        with (tmp_path / "progress.jsonl").open("a", encoding="utf-8") as out:
            out.write(json.dumps({"task": task, "done": done, "total": total, "note": note}) + end)

    return write


def shown(tmp_path: Path, *, terminal: bool) -> tuple[Display, io.StringIO]:
    text = io.StringIO()
    console = Console(file=text, force_terminal=terminal, width=100)
    return Display(console, tmp_path / "progress.jsonl"), text


@pytest.mark.parametrize("terminal", [True, False])
def test_a_notice_of_a_step_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, terminal: bool) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "progress.jsonl"))
    display, text = shown(tmp_path, terminal=terminal)
    with display:
        notice("2 of 4 rows put aside [sic]: /x/quarantine.jsonl")
        display()
        display()
    assert text.getvalue().count("2 of 4 rows put aside [sic]: /x/quarantine.jsonl") == 1


def test_without_a_terminal_each_task_is_one_line(tmp_path: Path, tell: Callable[..., None]) -> None:
    tell("of an earlier run", 1, 2)
    display, text = shown(tmp_path, terminal=False)
    with display:
        display()  # no file yet
        tell("encoding", 1, 4)
        display()
        tell("encoding", 4, 4)
        tell("finetune 6 \u00fc", 1, 2)
        display()
    assert text.getvalue() == "  encoding ...\n  finetune 6 \u00fc ...\n"


def test_half_a_line_is_read_when_it_is_whole(tmp_path: Path, tell: Callable[..., None]) -> None:
    display, text = shown(tmp_path, terminal=False)
    with display:
        (tmp_path / "progress.jsonl").write_text('{"task": "enc')
        display()
        assert text.getvalue() == ""
        with (tmp_path / "progress.jsonl").open("a") as out:
            out.write('oding", "done": 1, "total": 2, "note": ""}\n')
        display()
    assert text.getvalue() == "  encoding ...\n"


def test_on_a_terminal_bars_are_drawn(tmp_path: Path, tell: Callable[..., None]) -> None:
    display, text = shown(tmp_path, terminal=True)
    with display:
        tell("finetune 6 seed 0", 3, 20, "loss 1.250")
        display()
        tell("finetune 6 seed 0", 20, 20, "loss 0.500")
        display()
    last = [line for line in text.getvalue().splitlines() if "finetune 6 seed 0" in line][-1]
    assert "20/20" in last
    assert "loss 0.500" in last


def test_square_brackets_are_shown_as_they_are(tmp_path: Path, tell: Callable[..., None]) -> None:
    for terminal in (False, True):
        display, text = shown(tmp_path, terminal=terminal)
        with display:
            tell("finetune [bold]6", 1, 1, "note [red]")
            display()
        assert "[bold]6" in text.getvalue(), terminal
