"""Which pictures the analysis looks at."""

from collections.abc import Sequence

ANALYSIS_IMAGES = 208  # at the most; thirteen batches: the borders were the same from 96 pictures on


def sample(keys: Sequence[str], count: int) -> list[str]:
    """Evenly over the data set, so that every source is represented."""
    if len(keys) <= count:
        return list(keys)
    return [keys[i * len(keys) // count] for i in range(count)]
