"""The analysis step, and the plan of the study that follows from the groups of layers that it finds."""

import json
import logging
from pathlib import Path

from shallowsight.cost.question import question_operations
from shallowsight.cost.shapes import language_shape
from shallowsight.errors import ConfigurationError, StoreUnavailable
from shallowsight.observe.progress import Progress
from shallowsight.steps.machine import use_all_cores
from shallowsight.store.cells import analyze_cell, prepare_cell
from shallowsight.store.computation import leave_note, this_computation
from shallowsight.store.plan import Plan, make_plan
from shallowsight.store.store import PLAN, Store
from shallowsight.study.resolved import Resolved

log = logging.getLogger(__name__)


def analyze_layers(resolved: Resolved, store: Store) -> Path:
    """Similarity of the tower's layers on the study's pictures, and their groups."""

    def make(out: Path) -> None:
        from shallowsight.analysis.analyze import analyze
        from shallowsight.data.prepare import training_images
        from shallowsight.data.shards import Shards
        from shallowsight.model.encode import Encoder, PictureEncoder

        use_all_cores()
        leave_note(out, [this_computation(processes=1)])
        data = store.folder(prepare_cell(resolved))
        shards, depth, shape = Shards(data), resolved.tower.depth, resolved.base.finetune.picture
        encoder = Encoder(PictureEncoder(resolved.base.vision, resolved.tower, depth, shape), shards)
        # Training pictures only: the groups decide which settings are trained, and test pictures must not decide that.
        analyze(encoder, depth, training_images(data), out, Progress("comparing layers"))

    return store.build(analyze_cell(resolved), make)


def plan_members(resolved: Resolved, store: Store) -> Plan:
    """Which settings the study trains, now that the groups are known."""
    plan = make_plan(resolved, store.folder(analyze_cell(resolved)))
    store.write_document(PLAN, json.dumps(plan.as_json(resolved, _operations(resolved, plan)), indent=1))
    return plan


def _operations(resolved: Resolved, plan: Plan) -> dict[str, float]:
    """Setting -> operations for one question; nothing where they cannot be counted, which stops no study."""
    try:
        shape = language_shape(resolved.base.language)
        return {
            str(setting): question_operations(resolved.base.at(setting, resolved.base.seed), resolved.tower, shape)
            for setting in plan.members
        }
    except (ConfigurationError, StoreUnavailable) as reason:
        log.info("the operations for one question are not counted: %s", reason)
        return {}
