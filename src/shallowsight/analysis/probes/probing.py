"""The probing step: the tower looks at each picture once, then every layer is probed for every benchmark."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import Tensor

from shallowsight.analysis.probes.fit import LEFT_OUT, SEEDS
from shallowsight.analysis.probes.questions import Asked
from shallowsight.analysis.probes.table import Score, probe_table
from shallowsight.analysis.probes.task import Task, TooFew, task_of
from shallowsight.data.features import CachedFeatures
from shallowsight.errors import ShallowsightError
from shallowsight.study.benchmarks import Benchmark
from shallowsight.study.resolved import TowerFacts

PROBES = "probes.json"


def probe(
    facts: TowerFacts,
    tokens: int,
    questions: Sequence[Asked],
    encode: Callable[[Sequence[str]], Mapping[int, Path]],
    on_progress: Callable[[int, int], None],
) -> dict[str, Any]:
    """What probes.json holds.

    Args:
        tokens: of one picture, in the features that `encode` gives.
        questions: about pictures that fit (`fitting`).
        encode: gives for each layer a folder with the features of, at least, the pictures with these keys, as
            `FeatureWriter` writes them.

    Raises:
        ShallowsightError: the hidden states are not finite.
    """
    tasks: dict[str, Task] = {}
    skipped: dict[str, str] = {}
    for asked in questions:
        try:
            tasks[asked.benchmark.name] = _task(asked)
        except TooFew as reason:
            skipped[asked.benchmark.name] = str(reason)
    layers = range(1, facts.depth + 1)
    scores: dict[str, dict[int, Score]] = {}
    if tasks:
        pictures = sorted({key for task in tasks.values() for part in (task.train, task.test) for key in part.pictures})
        folders = encode(pictures)
        scores = probe_table(
            lambda layer: _read(folders[layer], pictures), layers, pictures, tuple(tasks.values()), on_progress
        )
    return {
        "layers": list(layers),
        "seeds": SEEDS,
        "left_out": LEFT_OUT,
        "tokens": tokens,
        "benchmarks": [
            _found(asked.benchmark, tasks[asked.benchmark.name], scores[asked.benchmark.name])
            for asked in questions
            if asked.benchmark.name in tasks
        ],
        "skipped": skipped,
    }


def write_probes(found: dict[str, Any], out: Path) -> None:
    """Write probes.json."""
    (out / PROBES).write_text(json.dumps(found, indent=1, ensure_ascii=False), encoding="utf-8")


def _task(asked: Asked) -> Task:
    if asked.boxes:
        raise TooFew("the answers are boxes, and a probe chooses among classes")
    return task_of(asked.benchmark.name, asked.train, asked.test)


def _read(folder: Path, pictures: Sequence[str]) -> Tensor:
    """[I, N, D] in half precision."""
    (features,) = CachedFeatures([folder]).load(pictures)
    if not features.isfinite().all():
        raise ShallowsightError(
            "the tower's hidden states hold values that are no finite numbers; try another precision or other weights"
        )
    return features


def _found(benchmark: Benchmark, task: Task, scores: dict[int, Score]) -> dict[str, Any]:
    return {
        "name": benchmark.name,
        "category": benchmark.category,
        "chance": benchmark.chance,
        "classes": len(task.classes),
        "words": len(task.words),  # of the questions, that the probe reads
        "train": len(task.train),
        "n": len(task.test),
        "images": len(set(task.test.pictures)),
        "rare_train": round(task.rare_train, 4),
        "rare_test": round(task.rare_test, 4),
        "without_picture": _score(scores[0]),  # of a probe that reads the question and does not see the picture
        "layers": [{"layer": layer} | _score(score) for layer, score in scores.items() if layer],
    }


def _score(score: Score) -> dict[str, float]:
    return {name: round(value, 6) for name, value in asdict(score).items()}
