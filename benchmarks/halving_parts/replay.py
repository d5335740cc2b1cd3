"""One halved study over given scores: what the rungs show, who goes on, what that costs and misses."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from scipy.stats import rankdata

from benchmarks.halving_parts.paper import CATEGORIES, LAYERS, REPRESENTATIVES, USUAL, Values
from shallowsight.study.halving import Halving, full_runs, promote

DECAY = 0.1  # the default of finetune.decay


@dataclass(frozen=True)
class Early:
    """How the scores of a rung differ from those at the end.

    At the part 1/p of the updates a setting's score is that at the end plus sqrt((p - 1) / 8) times its own draw of a
    normal distribution with the standard deviation `spread`: nothing at the end, `spread` at 1/9, and a setting that is
    late at one rung is late at the next one. `slow` times the layer's depth, from 0 to 1, is subtracted in the same
    way.
    """

    name: str
    spread: float
    slow: float = 0.0


@dataclass(frozen=True)
class Outcome:
    """One halved study."""

    cost: float  # whole finetunings
    restarted: float  # the same if every rung began anew
    regret: float  # how much less its best setting scores than the best one of the full sweep
    best_kept: bool  # whether the best one of the full sweep was trained to the end
    worst_category: float  # the largest regret in a category, of the best trained setting there
    loss: float  # how much less the setting that scores best of those is worth than the truly best one
    loss_of_all: float  # the same for the full sweep
    agreement: float  # Spearman's rho of the first rung with the end, over all settings


def replay(halving: Halving, truth: Values, luck: Values, early: Early, random: Generator) -> Outcome:
    """Run the rungs; ties go by an order drawn at random.

    `truth` [categories, layers] is what the layers are worth, and `luck` [layers] what one training of each adds.
    """
    final = truth + luck
    order = [int(layer) for layer in random.permutation(np.arange(1, LAYERS + 1))]
    late = early.spread * random.normal(size=LAYERS) - early.slow * np.arange(1, LAYERS + 1) / LAYERS
    mean = final.mean(axis=0)
    kept = {str(USUAL), *(map(str, REPRESENTATIVES) if halving.representatives else ())}
    here, control, counts = [str(layer) for layer in order], "", [LAYERS]
    seed = int(random.integers(2**31))
    for part, following in zip(halving.parts, halving.parts[1:], strict=False):
        shown = mean + np.sqrt((part - 1) / 8) * late
        scores = {setting: float(shown[int(setting) - 1]) for setting in here}
        found = promote(scores, halving.places(LAYERS, following), kept, control, seed)
        here, control = list(found.going_on), found.control
        counts.append(len(here))
    first = mean + np.sqrt((halving.parts[0] - 1) / 8) * late
    return _outcome(halving, truth, final, here, counts, first)


def _outcome(
    halving: Halving,
    truth: Values,
    final: Values,
    here: Sequence[str],
    counts: Sequence[int],
    first: Values,
) -> Outcome:
    worth = truth.mean(axis=0)
    mean, ended = final.mean(axis=0), [int(setting) - 1 for setting in here]
    return Outcome(
        cost=full_runs(counts, halving.parts, DECAY),
        restarted=full_runs(counts, halving.parts, DECAY, resumed=False),
        regret=float(mean.max() - mean[ended].max()),
        best_kept=int(mean.argmax()) in ended,
        worst_category=max(float(final[c].max() - final[c, ended].max()) for c in range(len(CATEGORIES))),
        loss=float(worth.max() - worth[ended[int(mean[ended].argmax())]]),
        loss_of_all=float(worth.max() - worth[int(mean.argmax())]),
        agreement=float(np.corrcoef(rankdata(first), rankdata(mean))[0, 1]),
    )
