"""Ask a trained model the questions of public benchmarks, and read what lmms-eval makes of its answers."""

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import chdir
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from shallowsight.data.public.mirror import NotRunnable
from shallowsight.data.records import Record
from shallowsight.evaluate.public.needs import require_here
from shallowsight.evaluate.public.numbers import official_numbers, our_numbers
from shallowsight.evaluate.public.outcome import outcomes, rows_of
from shallowsight.evaluate.public.submissions import Submitted, submission_of
from shallowsight.evaluate.public.tasks import write_public_task
from shallowsight.study.public_benchmarks import PublicBenchmark

log = logging.getLogger(__name__)

# A module that is written beside a task, where lmms-eval's `!function` finds it.
_FUNCTIONS = """from shallowsight.evaluate.public.asking import answer_alone, count

__all__ = ["answer_alone", "count"]
"""
RunTasks = Callable[[Sequence[str], Path], Mapping[str, Any]]  # tasks and their folder -> lmms-eval's results


class Answering(Protocol):
    """What is known of a model's questions after it was asked; keys are a task and a number of a row."""

    refused: dict[tuple[str, int], str]
    picture_of: dict[tuple[str, int], str]


@dataclass(frozen=True)
class PublicSet:
    """A set on this machine, or the reason why there is none."""

    benchmark: PublicBenchmark
    folder: Path | None
    split: str = ""
    not_run: str = ""
    unscored: str = ""  # why it is asked for a submission file only


@dataclass
class Asked:
    """What came out for one benchmark."""

    rows: list[Record]
    official: dict[str, float] = field(default_factory=dict)
    ours: dict[str, float | None] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)  # row -> why it was not asked
    some_of: int | None = None  # rows of the set, where only some were asked
    not_run: str = ""
    submission: Submitted | None = None


def ask(public: PublicSet, most: int, model: Answering, run: RunTasks, work: Path) -> Asked:
    """Ask at most `most` rows (0: all) of one benchmark; `work` is a new folder for this benchmark."""
    if public.folder is None:
        return Asked([], not_run=public.not_run)
    try:
        return _ask(public, public.folder, most, model, run, work)
    except NotRunnable as reason:
        return Asked([], not_run=str(reason))


def _ask(public: PublicSet, folder: Path, most: int, model: Answering, run: RunTasks, work: Path) -> Asked:
    benchmark = public.benchmark
    require_here(benchmark)
    rows, some_of = _rows(benchmark, folder, most, work)
    (work / "functions.py").write_text(_FUNCTIONS, encoding="utf-8")
    write_public_task(benchmark, public.split, rows, work)
    with chdir(work):  # lmms-eval's functions write files into the current folder
        results = run([benchmark.task], work)
    logged = sorted(results["samples"][benchmark.task], key=lambda sample: int(sample["doc_id"]))
    refused = {str(n): why for (task, n), why in model.refused.items() if task == benchmark.task}
    samples = [sample for sample in logged if str(sample["doc_id"]) not in refused]
    if not samples:
        raise NotRunnable(f"none of its {len(logged)} questions could be asked: {next(iter(refused.values()))}")
    submission = submission_of(benchmark, logged, refused, (most, some_of))
    if public.unscored:
        return Asked([], not_run=_no_score(public, submission), submission=submission)
    found = outcomes(benchmark, samples)
    return Asked(
        rows=rows_of(benchmark, samples, found, _pictures(benchmark, rows, model)),
        # With questions left out, lmms-eval's numbers count an empty answer as the model's.
        official={} if refused else official_numbers(benchmark, results["results"][benchmark.task]),
        ours=our_numbers(benchmark, samples, found),
        refused=refused,
        some_of=some_of,
        submission=submission,
    )


def _no_score(public: PublicSet, submission: Submitted | None) -> str:
    """Why a benchmark that could be scored is not; empty for one that only its server can score."""
    if not public.benchmark.scored:
        return ""
    return f"{public.unscored}; {submission.where}" if submission else public.unscored


def _rows(benchmark: PublicBenchmark, folder: Path, most: int, work: Path) -> tuple[list[Path], int | None]:
    import pyarrow.parquet as pq

    from shallowsight.data.public.choose import parts, write_some

    files = parts(folder)
    count = sum(pq.ParquetFile(path).metadata.num_rows for path in files)
    if not most or most >= count:
        return files, None
    write_some(benchmark, folder, most, work / "some.parquet")
    return [work / "some.parquet"], count


def _pictures(benchmark: PublicBenchmark, rows: Sequence[Path], model: Answering) -> dict[int, str]:
    """The name of each row's picture; equal pictures have equal names."""
    if not benchmark.marks_pictures:
        return {n: key for (task, n), key in model.picture_of.items() if task == benchmark.task}

    from shallowsight.data.public.choose import stored_pictures

    return dict(enumerate(stored_pictures(rows)))


def answer_alone(doc: dict[str, Any], results: Sequence[str]) -> dict[str, Any]:
    """For lmms-eval, of a benchmark that a judge scores later: the answer, unscored."""
    return {"answer": results[0]}


def count(values: Sequence[Any]) -> float:
    """For lmms-eval: how many answers there are."""
    return float(len(values))
