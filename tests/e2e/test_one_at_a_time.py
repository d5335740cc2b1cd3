"""One experiment, single steps, and lmms-eval's own command line."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from study_runs import QUICK, cells, contents, environment, folder_of, ledger, named, shallowsight, with_set

from shallowsight.study.experiment import Experiment

pytestmark = pytest.mark.slow


def test_one_experiment_makes_the_cells_of_the_study(quick: Path, tmp_path: Path) -> None:
    study = Path(shutil.copytree(quick, tmp_path / "one"))
    made = {"finetune 6", "evaluate 6"}
    for name in made:
        shutil.rmtree(folder_of(study, name))
    before = len(ledger(study))
    ended = shallowsight("run", *QUICK, "--set", "vision.layers=6", "--out", str(study))
    assert ended.status == 0, ended.all
    assert f"report: {study}/report/report.html" in ended.out
    assert named(ledger(study)[before:], "started") == made
    assert contents(study) == contents(quick)


def test_single_steps_make_a_whole_study(tmp_path: Path) -> None:
    study = tmp_path / "study"
    # So few pictures that it pays to keep their features even for three updates.
    words = ["settings=-1", "data.scenes_train=20", "data.scenes_test=8", "data.easy_vqa_train=4"]
    words += [
        "data.easy_vqa_test=4",
        "data.held_out=0",
        "pretrain.updates=1",
        "finetune.updates=2",
        "vision.image_size=84",
    ]
    common = ("quick", "--out", str(study), *with_set(*words))

    def step(name: str, *options: str) -> list[str]:
        ended = shallowsight(name, *common, *options)
        assert ended.status == 0, ended.all
        if name != "evaluate":  # lmms-eval draws its bars there
            assert ended.err == ""
        return ended.out.splitlines()

    early = shallowsight("analyze-layers", *common)
    assert early.status == 1
    assert "run the earlier steps first" in early.err
    assert "Traceback" not in early.all
    assert step("resolve") == [f"{study}/study.json: quick, tower embedded:dinov2-small"]
    assert step("prepare-data") == [str(folder_of(study, "prepare"))]
    assert step("analyze-layers") == [str(folder_of(study, "analyze")), "12"]
    assert step("encode-features", "--setting", "12") == [str(folder_of(study, "encode layer 12"))]
    for stage in ("pretrain", "finetune"):
        found = step("train-stage", "--setting", "12", "--stage", stage)
        assert found == [str(folder_of(study, f"{stage} 12"))]
    assert step("evaluate", "--setting", "12") == [str(folder_of(study, "evaluate 12"))]
    assert step("judge", "--setting", "12") == [str(folder_of(study, "evaluate 12"))], "without a judge"
    ended = shallowsight("report", "--out", str(study))
    assert (ended.status, ended.out) == (0, f"{study}/report/report.html\n")

    ended = shallowsight("study", *common)
    assert ended.status == 0, ended.all
    assert "6 cells are whole, 0 are to be made" in ended.out
    assert len(cells(study)) == 6


def test_lmms_eval_itself_gives_the_same_answers(quick: Path, tmp_path: Path) -> None:
    """Through the entry point, from pictures instead of the feature cache."""
    from shallowsight.evaluate.tasks import Reader, task_name, write_tasks
    from shallowsight.model.checkpoint import load_reading
    from shallowsight.study.benchmarks import find_benchmark

    checkpoint = folder_of(quick, "finetune 12")
    experiment = Experiment.model_validate_json((checkpoint / "experiment.json").read_text())
    assert experiment.vision.layers.indices == (12,)
    benchmarks = [find_benchmark(name) for name in ("easy_vqa", "scenes_colour", "scenes_position")]
    tokenizer, tower = load_reading(checkpoint)
    write_tasks(benchmarks, folder_of(quick, "prepare"), Reader(tokenizer, experiment, tower), tmp_path)
    tasks = [task_name(benchmark) for benchmark in benchmarks]
    # What lmms-eval's command line does, without the table at its end, which needs a package that we leave out.
    code = (
        "import json, sys\n"
        "from lmms_eval import evaluator\nfrom lmms_eval.tasks import TaskManager\n"
        "checkpoint, tasks, folder = sys.argv[1:]\n"
        "found = evaluator.simple_evaluate(model='shallowsight', model_args=f'checkpoint={checkpoint}', batch_size=8,\n"
        "    tasks=tasks.split(','), task_manager=TaskManager(include_path=folder, include_defaults=False),\n"
        "    log_samples=True, bootstrap_iters=0, process_docs_parallel=1)\n"
        "rows = {task: sorted(rows, key=lambda s: int(s['doc_id'])) for task, rows in found['samples'].items()}\n"
        "answers = {task: [row['filtered_resps'][0] for row in found] for task, found in rows.items()}\n"
        "open(folder + '/answers.json', 'w').write(json.dumps(answers))\n"
    )
    offline = {"HF_DATASETS_OFFLINE": "1", "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "hf")}
    done = subprocess.run(
        [sys.executable, "-c", code, str(checkpoint), ",".join(tasks), str(tmp_path)],
        env=environment() | offline,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    answers = json.loads((tmp_path / "answers.json").read_text())
    samples = (folder_of(quick, "evaluate 12") / "samples.jsonl").read_text().splitlines()
    cached = [json.loads(line) for line in samples]
    for benchmark, task in zip(benchmarks, tasks, strict=True):
        expected = [s["prediction"] for s in cached if s["benchmark"] == benchmark.name]
        assert len(expected) >= 10
        assert answers[task] == expected
    assert len({s["prediction"] for s in cached}) > 3  # or agreeing would be easy
