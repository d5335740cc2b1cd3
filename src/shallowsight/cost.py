"""What a study will cost, before it starts: operations counted, seconds from a short calibration of this machine.

A multiply-add is two operations. The shares of a core's matrix speed that steps reach, and the fixed seconds, are
ours, measured on two cores of a Xeon with the demo study; the forecast says a range.
"""

import math
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass

from shallowsight.assets.towers import TowerFacts
from shallowsight.cells import Cell, Resolved
from shallowsight.config import ANALYSIS_IMAGES, STAGES, Experiment, StageName
from shallowsight.errors import MissingPackage
from shallowsight.settings import Setting

CACHE_LIMIT = 20e9  # bytes; beyond it a cache of features costs more disk than it saves time
_HALF = 2  # bytes of a float16
_SHARE = {"analyze": 0.55, "encode": 0.55, "pretrain": 0.3, "finetune": 0.3, "evaluate": 0.1}
# Seconds until a box works; a box makes the cells of all seeds.
_START = {"prepare": 5.0, "analyze": 6.0, "encode": 6.0, "pretrain": 7.0, "finetune": 7.0, "evaluate": 9.0}
_LIGHT_BOXES = 10.0  # seconds of those that only plan and report
_EVALUATION = 3.5  # seconds that lmms-eval takes around the answers of one model
_MEMBER_STEPS = {"pretrain", "finetune", "evaluate"}
_PER_IMAGE = 0.005  # seconds to make or check, and pack, one picture
_TEXT_TOKENS = 40  # of a sequence beside the picture's; the demo's mean is 37
_SPREAD = (0.7, 1.5)  # low and high of the range, as factors


@dataclass(frozen=True)
class Forecast:
    """Seconds of wall time, low and high, and bytes on disk."""

    low: float
    high: float
    storage: float


def pays_to_cache(base: Experiment, tower: TowerFacts, tokens: int, images: int) -> bool:
    """True when features are read more often than encoded and fit the disk of a laptop.

    The paper's full study would need 16 TB to save two percent; the embedded default half a gigabyte to save most of
    its time. Depends on one experiment alone: every machine decides alike, and so does the study with another seed.
    """
    if base.pretrain.picture != base.finetune.picture:
        return False  # no feature of one stage is of use to the other
    seen = sum((base.stage(name).updates or 0) * base.stage(name).global_batch for name in STAGES)
    read_again = seen > images or base.finetune.epochs is not None
    return read_again and images * tower.depth * tokens * tower.width * _HALF < CACHE_LIMIT


def forecast(resolved: Resolved, missing: Sequence[Cell], members_at_once: int) -> Forecast:
    """Of the cells that are still to be made, on this machine."""
    if not missing:
        return Forecast(0.0, 0.0, 0.0)
    speed = matrix_speed()
    cores = len(os.sched_getaffinity(0))
    seconds = 0.0
    encoded = [cell for cell in missing if cell.step == "encode"]
    members = [cell for cell in missing if cell.step in _MEMBER_STEPS]
    for cell in missing:
        if cell.step in {"prepare", "analyze"}:
            work = operations(resolved, cell) / (speed * cores * _SHARE["analyze"])
            seconds += _START[cell.step] + work + (_PER_IMAGE * resolved.images if cell.step == "prepare" else 0)
    alone = sum(_START[step] for step, _ in {(cell.step, cell.setting) for cell in members})
    for cell in members:
        # Each member has its share of the cores, whether or not there is another one beside it.
        alone += operations(resolved, cell) / (speed * cores / members_at_once * _SHARE[cell.step])
        alone += _EVALUATION if cell.step == "evaluate" else 0.0
    seconds += _LIGHT_BOXES + alone / max(1, min(members_at_once, len({cell.setting for cell in members})))
    if encoded:
        # One pass makes them all.
        deepest = max(encoded, key=lambda c: operations(resolved, c))
        seconds += _START["encode"] + operations(resolved, deepest) / (speed * cores * _SHARE["encode"])
    facts, vision = resolved.tower, resolved.base.vision
    tokens = facts.tokens(vision.image_size, vision.pool, vision.features)
    storage = len(encoded) * resolved.images * tokens * facts.width * _HALF
    return Forecast(seconds * _SPREAD[0], seconds * _SPREAD[1], storage)


def operations(resolved: Resolved, cell: Cell) -> float:
    """Floating-point operations of a cell's matrix products; 0 for a step that has none."""
    base, facts = resolved.base, resolved.tower
    match cell.step:
        case "analyze":
            return ANALYSIS_IMAGES * tower_operations(facts, base.vision.image_size, facts.depth)
        case "encode":
            layer = int(str(cell.setting).removeprefix("layer "))
            return resolved.images * tower_operations(facts, base.vision.image_size, layer)
        case "pretrain" | "finetune" | "evaluate":
            setting = Setting.parse(str(cell.setting))
            return _member_operations(resolved, cell, base.at(setting, 0))
    return 0.0


def tower_operations(facts: TowerFacts, image_size: int, layers: int) -> float:
    """One picture forward through the first layers: 12 D^2 parameters a layer, and attention."""
    tokens = (image_size // facts.patch) ** 2 + facts.has_class_token
    width = facts.width
    return layers * (2 * 12 * width**2 * tokens + 4 * tokens**2 * width)


def _member_operations(resolved: Resolved, cell: Cell, experiment: Experiment) -> float:
    language, vision = experiment.language, experiment.vision
    tokens = resolved.tower.tokens(vision.image_size, vision.pool, vision.features)
    length, width = tokens + _TEXT_TOKENS, language.width
    matrices = 12 * width**2 * language.depth  # 4 D^2 of attention, 8 D^2 of the gated MLP
    connector = (len(vision.layers) * resolved.tower.width + width) * width
    forward = 2 * (matrices * length + connector * tokens) + 4 * length**2 * width * language.depth
    live = 0.0
    if not resolved.cache_features:
        live = tower_operations(resolved.tower, vision.image_size, vision.layers.deepest)
    if cell.step == "evaluate":
        questions = 5 * sum(resolved.sources[s].test_rows for s in experiment.data.test)
        return questions * (forward + live)
    stage: StageName = "pretrain" if cell.step == "pretrain" else "finetune"
    settings = experiment.stage(stage)
    samples = (settings.updates or 0) * settings.global_batch or (settings.epochs or 0) * resolved.rows(stage)
    # Backward costs the same again for the inputs, and once more for the weights where they are trained.
    return samples * (forward * (2 if stage == "pretrain" else 3) + live)


def matrix_speed() -> float:
    """Operations a second of one core in a float32 matrix product: the best of some rounds, about 0.1 s.

    The best, because a forecast is for the hours to come, not for what disturbs this moment.

    Raises:
        MissingPackage: torch is not installed.
    """
    try:
        import torch
    except ImportError:
        raise MissingPackage("torch", extra="models") from None
    size, threads = 768, torch.get_num_threads()
    torch.set_num_threads(1)
    a = torch.ones(size, size)
    best = math.inf
    for _ in range(12):
        started = time.perf_counter()
        a @ a
        best = min(best, time.perf_counter() - started)
    torch.set_num_threads(threads)
    return 2 * size**3 / best
