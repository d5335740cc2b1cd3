"""The evaluation step: run lmms-eval over the local benchmarks, and keep every answer."""

import json
import logging
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from shallowsight.data.records import Record, write_jsonl
from shallowsight.data.shortened import SHORTENED
from shallowsight.errors import MissingPackage
from shallowsight.evaluate.statistics.answers import accuracy
from shallowsight.evaluate.tasks import Reader, task_name, write_tasks
from shallowsight.study.benchmarks import Benchmark, find_benchmark
from shallowsight.study.experiment import Experiment

SCORES = "scores.json"
SAMPLES = "samples.jsonl"


def evaluate(
    experiment: Experiment, checkpoint: Path, data: Path, feature_folders: Sequence[Path] | None, out: Path, work: Path
) -> None:
    """Write scores.json, samples.jsonl and a list of the questions that are too long to be asked.

    `work` is a temporary folder.

    Raises:
        MissingPackage: lmms-eval is not installed.
        DataRefused: all questions of a benchmark are too long.
    """
    from shallowsight.model.checkpoint import load_reading

    benchmarks = [find_benchmark(name) for name in experiment.benchmarks]
    _require_lmms_eval(work)
    tokenizer, tower = load_reading(checkpoint)
    write_tasks(benchmarks, data, Reader(tokenizer, experiment, tower), work).write(out / SHORTENED)
    tasks = [task_name(b) for b in benchmarks]
    results = _run_lmms_eval(tasks, checkpoint, feature_folders, experiment.vision.tower, work)
    samples = [row for b in benchmarks for row in _samples(b, results["samples"][task_name(b)])]
    write_jsonl(samples, out / SAMPLES)
    scores = {
        "setting": str(experiment.setting),
        "layers": list(experiment.vision.layers.indices),
        "fusion": experiment.fusion.kind,
        "connector": str(experiment.connector),
        "seed": experiment.seed,
        "benchmarks": [_score(b, [s for s in samples if s["benchmark"] == b.name]) for b in benchmarks],
    }
    (out / SCORES).write_text(json.dumps(scores, indent=1), encoding="utf-8")


def _require_lmms_eval(work: Path) -> None:
    # All rows are local: no request goes to a hub, and the cache is in the caller's temporary folder.
    os.environ["HF_DATASETS_OFFLINE"] = "1"
    os.environ["HF_DATASETS_CACHE"] = str(work / "datasets")
    try:
        import lmms_eval.evaluator  # noqa: F401
    except ImportError as error:
        raise MissingPackage(error.name or "lmms-eval", extra="evaluate") from error


def _run_lmms_eval(
    tasks: list[str], checkpoint: Path, feature_folders: Sequence[Path] | None, tower: str, work: Path
) -> dict[str, Any]:
    from lmms_eval import evaluator
    from lmms_eval.models import get_model
    from lmms_eval.tasks import TaskManager

    _quiet()
    # The model is found by its entry point but made here, because lmms-eval would split its argument string at a comma
    # in a path.
    model = get_model("shallowsight")(str(checkpoint), ":".join(map(str, feature_folders or ())), tower=tower)
    results: dict[str, Any] = evaluator.simple_evaluate(
        model=model,
        tasks=tasks,
        task_manager=TaskManager(include_path=str(work), include_defaults=False),
        log_samples=True,
        bootstrap_iters=0,  # this package computes the standard errors itself, clustered by image
        process_docs_parallel=1,
    )
    return results


def _quiet() -> None:
    from loguru import logger

    logger.remove()
    logging.getLogger("datasets").setLevel(logging.WARNING)


def _samples(benchmark: Benchmark, logged: Sequence[dict[str, Any]]) -> list[Record]:
    rows = []
    for sample in sorted(logged, key=lambda s: int(s["doc_id"])):
        doc = sample["doc"]
        rows.append(
            {
                "benchmark": benchmark.name,
                "category": benchmark.category,
                "id": doc["id"],
                "image_id": doc["image"] or doc["id"],
                "question": doc["question"],
                "prediction": sample["filtered_resps"][0],
                "target": doc["answer"],
                "accepted": doc["accepted"],
                "score": doc["score"],
                "correct": sample["accuracy"],  # from 0 to 1
            }
        )
    return rows


def _score(benchmark: Benchmark, rows: Sequence[Record]) -> dict[str, Any]:
    found = accuracy([row["correct"] for row in rows], [row["image_id"] for row in rows])
    return {
        "name": benchmark.name,
        "category": benchmark.category,
        "metric": "accuracy",
        "value": found.value,
        "n": found.n,
        # Not known with a single image; JSON has neither NaN nor infinity.
        "standard_error": found.standard_error if math.isfinite(found.standard_error) else None,
        "chance": benchmark.chance,
    }
