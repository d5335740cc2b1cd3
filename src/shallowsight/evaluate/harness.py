"""The evaluation step: run lmms-eval over the local benchmarks, and keep every answer."""

import json
import logging
import math
import os
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shallowsight.data.records import Record, write_jsonl
from shallowsight.data.shortened import SHORTENED
from shallowsight.errors import MissingPackage, ShallowsightError
from shallowsight.evaluate.answer_log import AnswerLog
from shallowsight.evaluate.judge.decisions import bounds
from shallowsight.evaluate.public.asking import Asked, PublicSet, ask
from shallowsight.evaluate.statistics.answers import accuracy
from shallowsight.evaluate.tasks import Reader, task_name, write_tasks
from shallowsight.study.benchmarks import Benchmark, find_benchmark
from shallowsight.study.experiment import Experiment

if TYPE_CHECKING:
    from shallowsight.evaluate.kept_pictures import KeptPictures

log = logging.getLogger(__name__)

SCORES = "scores.json"
SAMPLES = "samples.jsonl"


@dataclass(frozen=True)
class Evaluated:
    """A trained model, and what it is asked with."""

    experiment: Experiment
    checkpoint: Path
    data: Path  # of the prepare cell
    features: Sequence[Path] | None  # cached, one folder for each layer
    public: Sequence[PublicSet] = ()
    log: AnswerLog | None = None
    pictures: "KeptPictures | None" = None  # features of pictures of public benchmarks
    processes: int = 1  # that answer


def evaluate(asked: Evaluated, out: Path, work: Path) -> None:
    """Write scores.json, samples.jsonl and a list of the questions that are too long to be asked.

    `work` is a temporary folder.

    Raises:
        MissingPackage: lmms-eval is not installed.
        DataRefused: all questions of a benchmark are too long.
        ShallowsightError: no benchmark could be run.
    """
    from shallowsight.model.checkpoint import load_reading

    local = [find_benchmark(name) for name in asked.experiment.own_benchmarks]
    require_lmms_eval(work)
    tokenizer, tower = load_reading(asked.checkpoint)
    write_tasks(local, asked.data, Reader(tokenizer, asked.experiment, tower), work).write(out / SHORTENED)
    with closing(open_model(asked)) as model:
        _ask_all(asked, local, model, out, work)


def _ask_all(asked: Evaluated, local: Sequence[Benchmark], model: Any, out: Path, work: Path) -> None:
    experiment = asked.experiment
    samples, found = ask_own(local, model, work) if local else ([], [])
    not_run: dict[str, str] = {}
    submissions: dict[str, dict[str, Any]] = {}
    for number, public in enumerate(asked.public):
        folder = work / f"public-{number}"
        folder.mkdir()
        answered = ask(public, experiment.data.benchmark_rows, model, partial(run_lmms_eval, model), folder)
        if answered.submission is not None:
            submissions[public.benchmark.name] = answered.submission.write(out)
        if answered.not_run:
            not_run[public.benchmark.name] = answered.not_run
            log.warning("%s was not run: %s", public.benchmark.name, answered.not_run)
            continue
        if public.benchmark.scored:
            samples += answered.rows
            found.append(_public_score(public, answered))
    if not found:
        raise ShallowsightError("no benchmark could be run: " + "; ".join(f"{n}: {why}" for n, why in not_run.items()))
    write_jsonl(samples, out / SAMPLES)
    scores = {
        "setting": str(experiment.setting),
        "layers": list(experiment.vision.layers.indices),
        "fusion": experiment.fusion.kind,
        "connector": str(experiment.connector),
        "seed": experiment.seed,
        "benchmarks": found,
        "not_run": not_run,
        "submissions": submissions,
    }
    (out / SCORES).write_text(json.dumps(scores, indent=1), encoding="utf-8")


def ask_own(local: Sequence[Benchmark], model: Any, work: Path) -> tuple[list[Record], list[dict[str, Any]]]:
    """Rows and scores of the benchmarks that ask the study's own questions."""
    results = run_lmms_eval(model, [task_name(b) for b in local], work)
    samples = [row for b in local for row in _samples(b, results["samples"][task_name(b)])]
    return samples, [score_of(b, [s for s in samples if s["benchmark"] == b.name]) for b in local]


def _public_score(public: PublicSet, answered: Asked) -> dict[str, Any]:
    benchmark = find_benchmark(public.benchmark.name)
    return score_of(benchmark, answered.rows) | {
        "bounds": list(bounds(answered.rows)),
        "official": answered.official,
        "ours": answered.ours,
        "refused": answered.refused,
        "some_of": answered.some_of,
    }


def open_model(asked: Evaluated) -> Any:
    """The trained model, for lmms-eval."""
    from lmms_eval.models import get_model

    _quiet()
    # The model is found by its entry point but made here, because lmms-eval would split its argument string at a comma
    # in a path.
    features = ":".join(map(str, asked.features or ()))
    return get_model("shallowsight")(
        str(asked.checkpoint),
        features,
        tower=asked.experiment.vision.tower,
        log=asked.log,
        kept=asked.pictures,
        processes=asked.processes,
    )


def require_lmms_eval(work: Path) -> None:
    """Raises MissingPackage where lmms-eval is not installed."""
    # All rows are local: no request goes to a hub, and the cache is in the caller's temporary folder.
    os.environ["HF_DATASETS_OFFLINE"] = "1"
    os.environ["HF_DATASETS_CACHE"] = str(work / "datasets")
    try:
        import lmms_eval.evaluator  # noqa: F401
    except ImportError as error:
        raise MissingPackage(error.name or "lmms-eval", extra="evaluate") from error


def run_lmms_eval(model: Any, tasks: Sequence[str], folder: Path) -> dict[str, Any]:
    """lmms-eval's results for tasks whose files are in a folder."""
    from lmms_eval import evaluator
    from lmms_eval.tasks import TaskManager

    results: dict[str, Any] = evaluator.simple_evaluate(
        model=model,
        tasks=list(tasks),
        task_manager=TaskManager(include_path=str(folder), include_defaults=False),
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


def score_of(benchmark: Benchmark, rows: Sequence[Record]) -> dict[str, Any]:
    """What scores.json says of every benchmark."""
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
