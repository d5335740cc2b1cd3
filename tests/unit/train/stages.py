"""What a stage of training left, and the weights that it began with."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from shallowsight.model.vlm import VLM
from shallowsight.study.experiment import Experiment
from shallowsight.train.parts import LOSSES

Run = Callable[..., Path]


def losses(out: Path) -> list[float]:
    rows = [json.loads(line) for line in (out / LOSSES).read_text(encoding="utf-8").splitlines()]
    assert [row["update"] for row in rows] == list(range(1, len(rows) + 1))
    return [row["loss"] for row in rows]


def sums(out: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(out.glob("*.safetensors"))}


def fresh(experiment: Experiment, width: int, tokenizer: Any) -> dict[str, torch.Tensor]:
    torch.manual_seed(experiment.seed)
    return {name: p.detach() for name, p in VLM(experiment, width, tokenizer).named_parameters()}
