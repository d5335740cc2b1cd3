"""The questions of a study's prepared data that probes learn and answer: those that its trained models do too."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from shallowsight.analysis.probes.task import Labelled
from shallowsight.data.gate.facts import IMAGE_TOKEN
from shallowsight.data.prepare import QUESTIONS
from shallowsight.data.questions import training_kinds
from shallowsight.data.records import Record, read_jsonl
from shallowsight.data.true_answers import EXACT, IOU
from shallowsight.study.benchmarks import Benchmark


@dataclass(frozen=True)
class Asked:
    """The questions of one benchmark, about chosen pictures."""

    benchmark: Benchmark
    train: tuple[Labelled, ...]
    test: tuple[Labelled, ...]
    boxes: bool  # whether answers are boxes, which are no classes


def pictures_of(folder: Path, benchmarks: Sequence[Benchmark]) -> tuple[list[str], list[str]]:
    """Keys of the pictures of the training questions, and of the test questions, in the order of the records."""
    train = (record for record in _training(folder) if _kinds(record, benchmarks))
    test = (row for row in read_jsonl(folder / QUESTIONS) if _wanted(row["kind"], benchmarks))
    return _keys(train), _keys(test)


def questions_about(
    folder: Path, benchmarks: Sequence[Benchmark], train: Iterable[str], test: Iterable[str]
) -> list[Asked]:
    """The questions of each benchmark about these pictures.

    Records of the finetuning are learnt, without those that are held out, as a model learns them.
    """
    learnt, asked = set(train), set(test)
    training = [
        (kind, question)
        for record in _training(folder)
        if record.get("image") in learnt
        for kind, question in zip(training_kinds(record), _pairs(record), strict=True)
    ]
    rows = [row for row in read_jsonl(folder / QUESTIONS) if row["image"] in asked]
    return [_asked(benchmark, training, rows) for benchmark in benchmarks]


def _asked(benchmark: Benchmark, training: Sequence[tuple[str, Labelled]], rows: Sequence[Record]) -> Asked:
    mine = [row for row in rows if _wanted(row["kind"], [benchmark])]
    return Asked(
        benchmark=benchmark,
        train=tuple(question for kind, question in training if _wanted(kind, [benchmark])),
        test=tuple(Labelled(row["image"], row["question"], _right(row)) for row in mine),
        boxes=any(row["score"] == IOU for row in mine),
    )


def _right(row: Record) -> tuple[str, ...]:
    """The right answers of a test question; of ten people's answers, only the one in the conversation."""
    return (row["answer"], *row["accepted"]) if row["score"] == EXACT else (row["answer"],)


def _training(folder: Path) -> Iterable[Record]:
    return (record for record in read_jsonl(folder / "finetune.jsonl") if record.get("image"))


def _pairs(record: Record) -> list[Labelled]:
    turns = [turn["value"] for turn in record["conversations"]]
    return [
        Labelled(record["image"], asked.replace(IMAGE_TOKEN, "").strip(), (answer,))
        for asked, answer in zip(turns[::2], turns[1::2], strict=True)
    ]


def _kinds(record: Record, benchmarks: Sequence[Benchmark]) -> bool:
    return any(_wanted(kind, benchmarks) for kind in training_kinds(record))


def _wanted(kind: str, benchmarks: Sequence[Benchmark]) -> bool:
    return any(benchmark.question_kind in (None, kind) for benchmark in benchmarks)


def _keys(rows: Iterable[Record]) -> list[str]:
    return list(dict.fromkeys(row["image"] for row in rows if row.get("image")))
