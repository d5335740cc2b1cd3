"""How well the forecast for this machine comes true: `python -m benchmarks.forecast`, about five minutes.

Forecasts two settings of the demo study, runs them as a user would, and sets both side by side: every cell, and the
wall time of the whole. On a machine that does other work meanwhile the numbers mean little.
"""

import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from shallowsight import steps
from shallowsight.cluster.kubeflow import pipelines
from shallowsight.cost.local import cell_seconds, forecast
from shallowsight.cost.machines import Cpu
from shallowsight.cost.operations import stage_operations
from shallowsight.cost.subject import Made, all_tasks, subject_of
from shallowsight.study.settings import Setting
from shallowsight.study.stages import STAGES, StageName

WORDS = ("settings=9 last", "seeds=0 1")
_OPERATIONS = "shallowsight_train_operations_total"
SHOWN = ("pretrain", "finetune", "evaluate")  # one pass makes all features; the whole shows it


def metered_operations(folder: Path) -> dict[StageName, float]:
    """Of a model, the mean over the study's: what its trainings counted themselves."""
    text = "".join(path.read_text() for path in (folder / "metrics").glob("*.prom"))
    return {
        stage: statistics.fmean(map(float, re.findall(rf'{_OPERATIONS}{{.*stage="{stage}".*}} (\S+)', text)))
        for stage in STAGES
    }


def main(folder: Path) -> None:
    subject, machine = subject_of(steps.resolve_study("demo", WORDS)), Cpu(pipelines.PARALLEL)
    tasks = all_tasks(subject)
    whole = forecast(subject, tasks, machine)
    cells = {task: cell_seconds(subject, task, machine, first=not task.seed) for task in tasks}
    command = [str(Path(sys.executable).parent / "shallowsight"), "study", "demo", "--out", str(folder)]
    began = time.perf_counter()
    subprocess.run([*command, *(part for word in WORDS for part in ("--set", word))], check=True, capture_output=True)
    wall = time.perf_counter() - began
    events = [json.loads(line) for line in (folder / "ledger.jsonl").read_text().splitlines()]
    ratios: dict[str, list[float]] = {step: [] for step in SHOWN}
    print(f"{'cell':28} {'forecast':>9} {'measured':>9} {'ratio':>6}")
    for event in (event for event in events if event["event"] == "done" and event["step"] in SHOWN):
        task = Made(event["step"], event["setting"], event["seed"])
        found, measured = cells[task].middle, event["seconds"]
        ratios[task.step].append(found / measured)
        name = f"{task.step} {task.setting} seed {task.seed}"
        print(f"{name:28} {found:8.1f}s {measured:8.1f}s {found / measured:6.2f}")
    for step, found_ratios in ratios.items():
        if found_ratios:
            low, high = min(found_ratios), max(found_ratios)
            print(f"{step}: ratio {statistics.fmean(found_ratios):.2f}, {low:.2f} to {high:.2f}")
    for stage, metered in metered_operations(folder).items():
        found = statistics.fmean(
            stage_operations(subject, Setting.parse(str(task.setting)), stage).model
            for task in tasks
            if task.step == stage
        )
        print(f"{stage}: {found:.3g} FLOP forecast, {metered:.3g} metered, ratio {found / metered:.2f}")
    print(f"whole: forecast {whole.low / 60:.1f} to {whole.high / 60:.1f} min, measured {wall / 60:.1f} min")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as temporary:
            main(Path(temporary) / "demo")
