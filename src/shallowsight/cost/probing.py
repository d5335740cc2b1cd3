"""The time of the probes on this machine: for training them, and for the tower where features are not cached."""

import os

from shallowsight.analysis.probes.size import BATCH, fitting_counts, probed_vision, updates_for
from shallowsight.cost import texts
from shallowsight.cost.machines import Machine, Span
from shallowsight.cost.operations import tower_operations
from shallowsight.cost.subject import Subject
from shallowsight.study.resolved import TowerFacts

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
    kinds = len(base.own_benchmarks)
    found = fit_seconds(kinds * updates_for(round(train * read.turns / kinds)) * BATCH, tokens, facts)
    if subject.cached:
        return found
    return found + machine.look((train + test) * tower_operations(facts, vision.image_size, facts.depth))


def fit_seconds(looks: int, tokens: int, facts: TowerFacts) -> Span:
    """The time to train the probes of all layers, each of which looks at so many pictures of so many tokens."""
    rounds = -(-facts.depth // len(os.sched_getaffinity(0)))  # of layers, one on each core
    seconds = _NUMBER * looks * tokens * facts.width * rounds
    return Span(seconds * _SPREAD[0], seconds * _SPREAD[1])
