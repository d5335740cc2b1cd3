"""Probe every layer for every task, several layers at the same time, each by one thread.

Shapes: I pictures, N patches, D width, S seeds, Q questions.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from statistics import fmean
from threading import Event

import torch
from torch import Tensor

from shallowsight.analysis.probes.fit import Pictures, answers, standardized
from shallowsight.analysis.probes.task import Task
from shallowsight.model.threads import threads_for, threads_of

Provider = Callable[[int], Tensor]  # the features [I, N, D] of one layer; called by several threads
MEMORY = 8e9  # bytes of features that are held at the same time
_BYTES = 10  # of each number of a layer: in half precision, standardised, and the training pictures once more


@dataclass(frozen=True)
class Score:
    """The test questions that probes of one layer answer right."""

    accuracy: float  # mean over seeds
    sd: float  # between seeds
    error: float  # standard error for other test pictures; questions about one picture are not independent


def probe_table(
    features_of: Provider,
    layers: Sequence[int],
    pictures: Sequence[str],
    tasks: Sequence[Task],
    on_progress: Callable[[int, int], None],
) -> dict[str, dict[int, Score]]:
    """Task -> layer -> score; layer 0 is the score of a probe that does not see the picture.

    Args:
        pictures: the keys of the pictures in the rows of the features; all that the tasks name.

    A layer's numbers do not depend on the number of threads, because one thread computes them.
    """
    rows = {picture: row for row, picture in enumerate(pictures)}
    training = torch.tensor(sorted({rows[picture] for task in tasks for picture in task.train.pictures}))

    stopped = Event()

    def look(layer: int) -> dict[str, Score]:
        seen = Pictures(standardized(features_of(layer), training), rows)
        asked = (task for task in tasks if not stopped.is_set())
        return {task.name: score_of(answers(seen, task), task.test.pictures) for task in asked}

    blind = Pictures(torch.zeros(len(pictures), 1, 1), rows)
    found: dict[str, dict[int, Score]] = defaultdict(dict)
    with threads_of(1):
        for task in tasks:
            found[task.name][0] = score_of(answers(blind, task), task.test.pictures)
        at_once = _at_once(features_of(layers[-1]))  # in a tower in stages the widest
        with ThreadPoolExecutor(at_once, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            waiting = {pool.submit(look, layer): layer for layer in layers}
            try:
                for done, future in enumerate(as_completed(waiting), start=1):
                    for name, score in future.result().items():
                        found[name][waiting[future]] = score
                    on_progress(done, len(layers))
            except BaseException:  # Ctrl-C too: the pool waits for its threads, which would otherwise do all layers
                stopped.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    return {name: dict(sorted(scores.items())) for name, scores in found.items()}


def score_of(right_SQ: Tensor, pictures: Sequence[str]) -> Score:
    """The score of some seeds' answers; the error is clustered by picture."""
    by_seed = right_SQ.double().mean(dim=1)
    mean = float(by_seed.mean())
    apart: dict[str, float] = defaultdict(float)
    for picture, share in zip(pictures, right_SQ.double().mean(dim=0).tolist(), strict=True):
        apart[picture] += share - mean
    clusters, questions = len(apart), len(pictures)
    variance = fmean(value**2 for value in apart.values()) * clusters**2 / questions**2 / max(1, clusters - 1)
    spread = float(by_seed.std()) if len(by_seed) > 1 else 0.0
    return Score(accuracy=mean, sd=spread, error=variance**0.5)


def _at_once(features_IND: Tensor) -> int:
    return max(1, min(threads_for(1), int(MEMORY // (_BYTES * features_IND.numel()))))
