"""The evaluation step: lmms-eval over the local benchmarks, every answer kept."""

import json
import logging
import math
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from shallowsight.benchmarks import Benchmark, find_benchmark
from shallowsight.config import Experiment
from shallowsight.data.prepare import QUESTIONS
from shallowsight.data.records import Record, read_jsonl, write_jsonl
from shallowsight.errors import MissingPackage
from shallowsight.evaluate.statistics import accuracy

SCORES = "scores.json"
SAMPLES = "samples.jsonl"
SHORTEST_LIMIT, LONGEST_LIMIT = 8, 256  # tokens that an answer may have; a token is at least one byte

# What lmms-eval imports beside its task files; `!function` finds it in the folder of the task.
_TASK_FUNCTIONS = """from shallowsight.evaluate.local_task import doc_to_text, doc_to_visual, mean, process_results

__all__ = ["doc_to_text", "doc_to_visual", "mean", "process_results"]
"""


def evaluate(
    experiment: Experiment, checkpoint: Path, data: Path, feature_folders: Sequence[Path] | None, out: Path, work: Path
) -> None:
    """Write scores.json and samples.jsonl (contract 5). `work` is scratch space.

    Raises:
        MissingPackage: lmms-eval is not installed.
    """
    benchmarks = [find_benchmark(name) for name in experiment.benchmarks]
    tasks = _write_tasks(benchmarks, data, work)
    results = _run_lmms_eval(tasks, checkpoint, feature_folders, experiment.vision.tower, work)
    samples = [row for b in benchmarks for row in _samples(b, results["samples"][_task_name(b)])]
    write_jsonl(samples, out / SAMPLES)
    scores = {
        "setting": str(experiment.setting),
        "layers": list(experiment.vision.layers),
        "fusion": experiment.fusion.kind,
        "connector": experiment.connector.kind,
        "seed": experiment.seed,
        "benchmarks": [_score(b, [s for s in samples if s["benchmark"] == b.name]) for b in benchmarks],
    }
    (out / SCORES).write_text(json.dumps(scores, indent=1), encoding="utf-8")


def _task_name(benchmark: Benchmark) -> str:
    """Also a file name, and another one for every benchmark: a kind of the user's may hold anything."""
    return "shallowsight_" + re.sub(r"\W", lambda found: f"-{ord(found[0]):x}-", benchmark.name)


def _write_tasks(benchmarks: Sequence[Benchmark], data: Path, folder: Path) -> list[str]:
    """One lmms-eval task a benchmark: a YAML file and its rows; returns the names."""
    (folder / "functions.py").write_text(_TASK_FUNCTIONS, encoding="utf-8")
    questions = list(read_jsonl(data / QUESTIONS))
    for benchmark in benchmarks:
        name = _task_name(benchmark)
        rows = [q | {"shards": str(data)} for q in questions if benchmark.question_kind in (None, q["kind"])]
        _write_rows(rows, folder / f"{name}.parquet")
        longest = max(len(row["answer"].encode()) for row in rows)
        text = _task_yaml(name, folder / f"{name}.parquet", min(max(longest, SHORTEST_LIMIT), LONGEST_LIMIT))
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return [_task_name(b) for b in benchmarks]


def _write_rows(rows: Sequence[Record], path: Path) -> None:
    """Every column as text: a reader of JSON would make times of answers that look like dates."""
    import pyarrow as pa
    import pyarrow.parquet

    columns = {key: pa.array([row[key] for row in rows], pa.string()) for key in rows[0]}
    pyarrow.parquet.write_table(pa.table(columns), path)


def _task_yaml(name: str, rows: Path, max_new_tokens: int) -> str:
    task = {
        "task": name,
        "dataset_path": "parquet",
        "dataset_kwargs": {"data_files": {"test": str(rows)}},
        "test_split": "test",
        "output_type": "generate_until",
        "doc_to_target": "answer",
        "generation_kwargs": {"max_new_tokens": max_new_tokens, "do_sample": False},
        "metadata": [{"version": 1.0}],
    }
    # The tag is lmms-eval's own, so these lines are written as they are.
    functions = (
        "doc_to_visual: !function functions.doc_to_visual\n"
        "doc_to_text: !function functions.doc_to_text\n"
        "process_results: !function functions.process_results\n"
        "metric_list:\n- metric: accuracy\n  aggregation: !function functions.mean\n  higher_is_better: true\n"
    )
    return yaml.safe_dump(task, sort_keys=False) + functions


def _run_lmms_eval(
    tasks: list[str], checkpoint: Path, feature_folders: Sequence[Path] | None, tower: str, work: Path
) -> dict[str, Any]:
    # Local rows only: nothing is looked up on a hub, and the cache goes where the caller cleans up.
    os.environ["HF_DATASETS_OFFLINE"] = "1"
    os.environ["HF_DATASETS_CACHE"] = str(work / "datasets")
    try:
        from lmms_eval import evaluator
        from lmms_eval.models import get_model
        from lmms_eval.tasks import TaskManager
    except ImportError as error:
        raise MissingPackage(error.name or "lmms-eval", extra="evaluate") from error
    _quiet()
    # Through the entry point, but made here: lmms-eval's argument string would break a path at a comma.
    model = get_model("shallowsight")(str(checkpoint), ":".join(map(str, feature_folders or ())), tower=tower)
    results: dict[str, Any] = evaluator.simple_evaluate(
        model=model,
        tasks=tasks,
        task_manager=TaskManager(include_path=str(work), include_defaults=False),
        log_samples=True,
        bootstrap_iters=0,  # standard errors are ours: clustered by image
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
                "correct": sample["accuracy"],
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
        # Unknown with a single image; NaN and infinity are no JSON.
        "standard_error": found.standard_error if math.isfinite(found.standard_error) else None,
        "chance": benchmark.chance,
    }
