"""What a user sees of a run, and in which order things happen."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from session_runs import run

from shallowsight import steps
from shallowsight.cli import session
from shallowsight.cli.display import plain_console
from shallowsight.errors import ConfigurationError, Interrupted, ShallowsightError
from shallowsight.store.mirror import MirroredStore
from shallowsight.store.objects.opening import open_objects
from shallowsight.store.store import Store


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

    monkeypatch.delenv("COLUMNS", raising=False)  # pytest-xdist tells its workers a width
    objects = open_objects((tmp_path / "store").as_uri())
    store = MirroredStore(objects, tmp_path / "copy")
    (store.root / "report").mkdir(parents=True)
    (store.root / "report" / "recommendation.json").write_text('{"categories": {"count": {"why": "none"}}}')
    monkeypatch.setattr(terminal, "terminal_table", lambda study, width: f"TABLE of {width}")
    monkeypatch.setattr(objects, "url", url)
    session._print_verdict(plain_console(), store)
    printed = capsys.readouterr().out.splitlines()
    assert printed[:4] == ["TABLE of 100", "", f"report: {tmp_path}/copy/report/report.html", "  count: none"]
    bucket = [
        "in the bucket: s3://bucket/my study/report/report.html; to any other machine: "
        "shallowsight fetch 's3://bucket/my study' --out DIR"
    ]
    assert printed[4:] == (bucket if url.startswith("s3:") else [])


def test_one_reason_for_every_category_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store = MirroredStore(open_objects((tmp_path / "store").as_uri()), tmp_path / "copy")
    (store.root / "report").mkdir(parents=True)
    (store.root / "report" / "recommendation.json").write_text(
        '{"categories": {"count": {"why": "none"}, "ocr": {"why": "none"}}}'
    )
    from shallowsight.report import terminal

    monkeypatch.setattr(terminal, "terminal_table", lambda study, width: f"TABLE of {width}")
    session._print_verdict(plain_console(), store)
    assert capsys.readouterr().out.splitlines()[3:] == ["  every category: none"]


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
