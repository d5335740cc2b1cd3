"""The time of the probes on this machine: for training them, and for the tower where features are not cached."""

import os

from shallowsight.analysis.probes.size import BATCH, fitting_counts, probed_vision, updates_for
from shallowsight.cost import texts
from shallowsight.cost.machines import Machine, Span
from shallowsight.cost.operations import tower_operations
from shallowsight.cost.subject import Subject

# Seconds of one core for one number of a picture's features in one update: measured with the demo on two cores.
_NUMBER = 8e-9
_SPREAD = (0.6, 1.5)  # 1e-8 on a busy machine


def probe_seconds(subject: Subject, machine: Machine) -> Span:
    """The time of the probing step. Probes are trained on the CPU, a layer on each core, also where there is a GPU."""
    base, facts = subject.base, subject.tower
    vision = base.vision if subject.cached else probed_vision(base.vision, facts)
    tokens = facts.tokens(vision.image_size, vision.pool, vision.features)
    read = texts.stage_texts(base, "finetune")
    train, test = fitting_counts(int(read.pictured), subject.images - int(read.pictured), facts, tokens)
    cores = len(os.sched_getaffinity(0))
    rounds = -(-facts.depth // cores)  # of layers, one on each core
    kinds = len(base.benchmarks)
    looks = kinds * updates_for(round(train * read.turns / kinds)) * BATCH
    seconds = _NUMBER * looks * tokens * facts.width * rounds
    found = Span(seconds * _SPREAD[0], seconds * _SPREAD[1])
    if subject.cached:
        return found
    return found + machine.look((train + test) * tower_operations(facts, vision.image_size, facts.depth))
