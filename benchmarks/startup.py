"""What starting boxes costs a study: `python -m benchmarks.startup runs/demo`.

Every box is a process of its own, which imports its packages before it works. This times those imports in fresh
processes and sets them against the wall time of the run that the study's ledger recorded.
"""

import json
import statistics
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

ROUNDS = 3
KFP = "import kfp.dsl.executor_main"
TORCH = f"{KFP}; import torch, transformers; from transformers import Dinov2Model"
TRAIN = f"{KFP}; import shallowsight.train.stage, deepspeed"
EVALUATE = f"{KFP}; import shallowsight.evaluate.adapter; from lmms_eval import evaluator"
# Step -> what its box imports, and whether it runs beside another one.
BOXES = {
    "prepare": (f"{KFP}; import great_expectations", False),
    "analyze": (TORCH, False),
    "encode": (TORCH, False),
    "pretrain": (TRAIN, True),
    "finetune": (TRAIN, True),
    "evaluate": (EVALUATE, True),
}
LIGHT_BOXES = 3  # resolve, plan, report import no more than kfp and the library
AT_ONCE = 2


def import_seconds(statement: str) -> float:
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", statement], check=True, capture_output=True)
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def main(study: Path) -> None:
    events = [json.loads(line) for line in (study / "ledger.jsonl").read_text().splitlines()]
    done = [event for event in events if event["event"] == "done"]
    boxes = {(event["step"], event["setting"] if event["step"] != "encode" else None) for event in done}
    wall = (datetime.fromisoformat(events[-1]["time"]) - datetime.fromisoformat(events[0]["time"])).total_seconds()
    cost = {statement: import_seconds(statement) for statement in {KFP, *(s for s, _ in BOXES.values())}}
    total = LIGHT_BOXES * cost[KFP]
    for step, (statement, shared) in BOXES.items():
        count = sum(box[0] == step for box in boxes)
        seconds = count * cost[statement] / (AT_ONCE if shared else 1)
        total += seconds
        print(f"{step:9} {count:3} boxes x {cost[statement]:4.1f} s = {seconds:5.1f} s of wall time")
    print(f"starting boxes: {total:.0f} s of {wall:.0f} s, {100 * total / wall:.0f} %")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
