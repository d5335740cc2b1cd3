"""Several processes that answer for one evaluation: the answers of one process, and no process that lives on."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from stage_runs import wait_for
from tiny import Prepared

from shallowsight.errors import ConfigurationError, ShallowsightError
from shallowsight.evaluate import adapter, harness
from shallowsight.evaluate.answer_log import AnswerLog
from shallowsight.evaluate.answerer import Question, TrainedFiles
from shallowsight.evaluate.harness import SAMPLES, SCORES, Evaluated, evaluate
from shallowsight.evaluate.seen_pictures import Seen
from shallowsight.evaluate.workers import Workers
from shallowsight.store.lines import Lines
from shallowsight.study.experiment import Experiment

pytestmark = pytest.mark.slow

BENCHMARKS = ["own", "own:colour", "own:sure"]


def lives(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.fixture(scope="module")
def trained(
    small: Callable[..., Experiment],
    prepared: Prepared,
    facts: Any,
    cached: dict[int, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Experiment, Path]:
    """Long enough to give different answers to different questions."""
    from shallowsight.train.process_task import ProcessTask
    from shallowsight.train.stage import run_stage

    experiment = small(finetune__updates=60, benchmarks=BENCHMARKS)
    out = tmp_path_factory.mktemp("checkpoint")
    common = {"experiment": experiment, "tower": facts, "data": prepared.folder, "feature_folders": (cached[2],)}
    work = out.with_name(f"{out.name}-work")
    run_stage(ProcessTask(**common, stage="finetune", start=None, out=out, work=work, threads=1), lambda *_: None)
    return experiment, out


@pytest.fixture
def run(
    trained: tuple[Experiment, Path],
    prepared: Prepared,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    one_thread: None,
) -> Callable[..., tuple[Path, list[int]]]:
    """Evaluate in batches of two: the outputs, and the processes that answered."""
    experiment, checkpoint = trained
    answering: list[int] = []

    def small_batches(asked: Evaluated) -> Any:
        made = adapter.ShallowsightModel(
            str(checkpoint), batch_size=2, tower=experiment.vision.tower, log=asked.log, processes=asked.processes
        )
        made_workers = made._ask

        def ask(batches: Any) -> Any:
            found = made_workers(batches)
            answering.extend(made._workers.processes if made._workers else [])
            return found

        made._ask = ask  # type: ignore[method-assign]
        return made

    monkeypatch.setattr(harness, "open_model", small_batches)

    def evaluated(name: str, processes: int) -> tuple[Path, list[int]]:
        out, work = tmp_path / name, tmp_path / f"{name} work"
        out.mkdir()
        work.mkdir()
        answering.clear()
        log = AnswerLog(Lines(tmp_path / f"{name}.jsonl"))
        evaluate(Evaluated(experiment, checkpoint, prepared.folder, None, log=log, processes=processes), out, work)
        return out, list(answering)

    return evaluated


def test_two_processes_answer_as_one(run: Callable[..., tuple[Path, list[int]]]) -> None:
    (one, none), (two, processes) = run("one", 1), run("two", 2)
    assert none == [] and len(processes) == 2 and not any(map(lives, processes))
    for name in (SAMPLES, SCORES):
        assert (one / name).read_bytes() == (two / name).read_bytes()
    kept = [sorted(path.with_suffix(".jsonl").read_bytes().splitlines()) for path in (one, two)]
    assert kept[0] == kept[1] != []


def files(trained: tuple[Experiment, Path], tower: str | None = None) -> TrainedFiles:
    experiment, checkpoint = trained
    return TrainedFiles(str(checkpoint), (), experiment.vision.tower if tower is None else tower)


def picture(number: int) -> Seen:
    from PIL import Image

    return Seen(f"picture {number}", lambda: Image.new("RGB", (28, 28), (number, 0, 0)))


def batches(count: int) -> list[list[Question]]:
    """About a picture each; the ids are those of no text in particular."""
    return [[Question([1, *[0] * 4, 5 + number % 50], picture(number), 4)] for number in range(count)]


def test_a_worker_that_is_killed_ends_the_evaluation(trained: tuple[Experiment, Path]) -> None:
    with closing(Workers(files(trained), ["cpu"], 1)) as workers:
        (process,) = workers.processes
        answered = workers.answer(batches(40))
        next(answered)
        os.kill(process, signal.SIGKILL)
        with pytest.raises(ShallowsightError) as ended:
            list(answered)
    assert str(ended.value) == (
        "a process that answers questions on cpu was ended by signal 9; is there enough memory? The answers so far are "
        "kept: the same command asks what is missing"
    )
    assert not lives(process)


def test_the_reason_of_a_worker_is_the_reason_of_the_evaluation(trained: tuple[Experiment, Path]) -> None:
    workers = Workers(files(trained, tower=""), ["cpu"], 1)
    (process,) = workers.processes
    with pytest.raises(ConfigurationError, match="name it: checkpoint="):
        list(workers.answer(batches(2)))
    assert not lives(process)


def test_a_fault_of_a_library_is_told_with_its_kind(
    trained: tuple[Experiment, Path], capfd: pytest.CaptureFixture[str]
) -> None:
    broken = [[Question([1, 10**6], None, 4)]]
    with (
        closing(Workers(files(trained), ["cpu"], 1)) as workers,
        pytest.raises(ShallowsightError, match=r"^IndexError: "),
    ):
        list(workers.answer(broken))
    assert "Traceback" in capfd.readouterr().err, "the log has all of it"


_PARENT = """
import sys
from pathlib import Path
from shallowsight.evaluate.answerer import Question, TrainedFiles
from shallowsight.evaluate.workers import Workers
checkpoint, tower = sys.argv[1:]
files = TrainedFiles(checkpoint, (), tower)
answering = Workers(files, ["cpu"], 1)
found = answering.answer([[Question([1, 5, 6], None, 4)]] * 100_000)
next(found)
loading = Workers(files, ["cpu"], 1)
print(*answering.processes, *loading.processes, flush=True)
list(found)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_no_worker_lives_longer_than_its_parent(trained: tuple[Experiment, Path], number: signal.Signals) -> None:
    told = files(trained)
    with subprocess.Popen(
        [sys.executable, "-c", _PARENT, told.checkpoint, told.tower],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        processes = [int(word) for word in parent.stdout.readline().split()]
        assert len(processes) == 2
        parent.send_signal(number)
        assert parent.wait(60) != 0
        wait_for(lambda: not any(map(lives, processes)), "the end of the worker")


def test_few_batches_start_no_process(
    run: Callable[..., tuple[Path, list[int]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "_WORTH", 5)
    assert run("few", 2)[1] == []
