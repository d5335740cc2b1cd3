"""Score sheets with a known truth."""

import numpy as np

from shallowsight.evaluate.statistics.answers import Answers
from shallowsight.evaluate.statistics.sheet import Sheet


def answers(scores_SQ: np.ndarray, per_image: int = 1, seeds: tuple[int, ...] | None = None) -> Answers:
    """Question q is about picture q // per_image."""
    tables = [{f"{q:05}": (f"p{q // per_image:05}", float(x)) for q, x in enumerate(row)} for row in scores_SQ]
    return Answers.collect(dict(zip(seeds or range(len(tables)), tables, strict=True)))


def drawn(rng: np.random.Generator, accuracies: list[list[float]], questions: int = 300) -> Sheet:
    """Each setting's seeds with their true accuracies; the settings share the difficulty of the questions."""
    hard = rng.random(questions)
    rows = {}
    for number, seeds in enumerate(accuracies):
        own = rng.random((len(seeds), questions))
        latent = np.where(rng.random((len(seeds), questions)) < 0.5, hard, own)
        rows[str(number)] = answers(latent < np.array(seeds)[:, None])
    return Sheet.of(rows)
