"""lmms-eval over local questions: scores.json and samples.jsonl."""

import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
import yaml

from shallowsight.data.records import read_jsonl, write_jsonl
from shallowsight.errors import MissingPackage
from shallowsight.evaluate import harness, tasks
from shallowsight.evaluate.harness import SAMPLES, SCORES, Evaluated, evaluate
from shallowsight.study.benchmarks import find_benchmark
from shallowsight.study.experiment import Experiment


def train(experiment: Experiment, prepared: Any, facts: Any, cached: dict[int, Path], out: Path) -> None:
    from shallowsight.train.process_task import ProcessTask
    from shallowsight.train.stage import run_stage

    folders = tuple(cached[k] for k in experiment.vision.layers.read)
    common = {"experiment": experiment, "tower": facts, "data": prepared.folder, "feature_folders": folders}
    work = out.with_name(f"{out.name}-work")
    run_stage(ProcessTask(**common, stage="finetune", start=None, out=out, work=work, threads=1), lambda *_: None)


@pytest.fixture(scope="module")
def evaluated(
    small: Callable[..., Experiment],
    prepared: Any,
    facts: Any,
    cached: dict[int, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, Path, Experiment]:
    """Outputs with a cache, outputs from pictures; the folder's name holds what lmms-eval would split at."""
    experiment = small(finetune__updates=60, benchmarks=["own", "own:colour", "own:sure"], seed=3)
    root = tmp_path_factory.mktemp("a,b=c d")
    for name in ("checkpoint", "cached", "pictures", "work1", "work2"):
        (root / name).mkdir()
    train(experiment, prepared, facts, cached, root / "checkpoint")
    folders = [cached[2]]
    evaluate(Evaluated(experiment, root / "checkpoint", prepared.folder, folders), root / "cached", root / "work1")
    evaluate(Evaluated(experiment, root / "checkpoint", prepared.folder, None), root / "pictures", root / "work2")
    return root / "cached", root / "pictures", experiment


@pytest.fixture
def reader(prepared: Any, facts: Any, tokenizer: Any) -> tasks.Reader:
    return tasks.Reader(tokenizer, prepared.experiment, facts)


def samples(folder: Path) -> list[dict[str, Any]]:
    return list(read_jsonl(folder / SAMPLES))


def test_every_question_is_answered_once(evaluated: tuple[Path, Path, Experiment], prepared: Any) -> None:
    questions = list(read_jsonl(prepared.folder / "questions.jsonl"))
    rows = samples(evaluated[0])
    for benchmark, kinds in (("own", {"colour", "sure"}), ("own:colour", {"colour"}), ("own:sure", {"sure"})):
        asked = [q for q in questions if q["kind"] in kinds]
        answered = [r for r in rows if r["benchmark"] == benchmark]
        assert [(r["id"], r["question"], r["target"], r["image_id"]) for r in answered] == [
            (q["id"], q["question"], q["answer"], q["image"]) for q in asked
        ]
    assert [set(r) for r in rows[:1]] == [
        {"benchmark", "category", "id", "image_id", "question", "prediction", "target", "accepted", "score", "correct"}
    ]


def test_scores_agree_with_samples(evaluated: tuple[Path, Path, Experiment]) -> None:
    scores = json.loads((evaluated[0] / SCORES).read_text())
    assert {k: v for k, v in scores.items() if k != "benchmarks"} == {
        "setting": "2",
        "layers": [2],
        "fusion": "single",
        "connector": "linear",
        "seed": 3,
        "not_run": {},
        "submissions": {},
    }
    assert [b["name"] for b in scores["benchmarks"]] == ["own", "own:colour", "own:sure"]
    assert [b["category"] for b in scores["benchmarks"]] == ["own", "colour", "sure"]
    for score in scores["benchmarks"]:
        right = [r["correct"] for r in samples(evaluated[0]) if r["benchmark"] == score["name"]]
        assert score["n"] == len(right)
        assert score["value"] == pytest.approx(sum(right) / len(right))
        assert score["metric"] == "accuracy"
        assert score["standard_error"] is None or 0 <= score["standard_error"] < 1
    assert any(row["correct"] for row in samples(evaluated[0]))  # or the test shows little


def test_cache_and_pictures_agree(evaluated: tuple[Path, Path, Experiment]) -> None:
    assert (evaluated[0] / SAMPLES).read_bytes() == (evaluated[1] / SAMPLES).read_bytes()
    assert (evaluated[0] / SCORES).read_bytes() == (evaluated[1] / SCORES).read_bytes()


def test_standard_error_of_one_picture_is_unknown() -> None:
    rows = [{"correct": c, "image_id": "one"} for c in (0, 1, 1)]
    score = harness.score_of(find_benchmark("own"), rows)
    assert score["standard_error"] is None
    assert math.isclose(score["value"], 2 / 3)
    json.dumps(score, allow_nan=False)


def test_text_questions_are_their_own_pictures() -> None:
    logged = [
        {"doc_id": n, "doc": {"id": f"r{n}", "image": None, "question": "?", "answer": "a", "accepted": [],
                              "score": "exact"}, "filtered_resps": ["b"], "accuracy": 0}
        for n in (10, 9)
    ]  # fmt: skip
    rows = harness._samples(find_benchmark("own"), logged)
    assert [(r["id"], r["image_id"]) for r in rows] == [("r9", "r9"), ("r10", "r10")]  # by number, not by text


def test_task_files(prepared: Any, reader: tasks.Reader, tmp_path: Path) -> None:
    benchmark = find_benchmark("own:colour")
    assert tasks.write_tasks([benchmark], prepared.folder, reader, tmp_path).share == 0
    name = tasks.task_name(benchmark)
    yaml.SafeLoader.add_constructor("!function", lambda loader, node: node.value)
    task = yaml.safe_load((tmp_path / f"{name}.yaml").read_text())
    assert task["dataset_kwargs"]["data_files"] == {"test": str(tmp_path / f"{name}.parquet")}
    assert set(pyarrow.parquet.read_table(tmp_path / f"{name}.parquet")["kind"].to_pylist()) == {"colour"}


def test_task_names_differ() -> None:
    names = ["own", "own:a", "own:a_b", "own:a:b", "own:a b", "own:a/b", "own:A", "scenes_ocr"]
    assert len({tasks.task_name(find_benchmark(name)) for name in names}) == len(names)


@pytest.mark.parametrize("kind", ["two words", "a/b", "\u00fcber"])
def test_kinds_that_are_no_file_names(prepared: Any, reader: tasks.Reader, tmp_path: Path, kind: str) -> None:
    data = tmp_path / "data"
    data.mkdir()
    write_jsonl([q | {"kind": kind} for q in read_jsonl(prepared.folder / "questions.jsonl")], data / "questions.jsonl")
    benchmark = find_benchmark(f"own:{kind}")
    tasks.write_tasks([benchmark], data, reader, tmp_path)
    name = tasks.task_name(benchmark)
    assert (tmp_path / f"{name}.yaml").is_file()
    assert pyarrow.parquet.read_table(tmp_path / f"{name}.parquet").num_rows == 8


def test_missing_lmms_eval_names_the_extra(monkeypatch: pytest.MonkeyPatch, prepared: Any, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "lmms_eval", None)
    with pytest.raises(MissingPackage, match=r"shallowsight\[evaluate\]"):
        evaluate(Evaluated(prepared.experiment, tmp_path, prepared.folder, None), tmp_path, tmp_path)
