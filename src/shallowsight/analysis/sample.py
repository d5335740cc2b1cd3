"""The choice of pictures for the analysis."""

from collections.abc import Sequence

ANALYSIS_IMAGES = 208  # the most pictures, in thirteen batches; in tests the borders did not change above 96 pictures


def sample(keys: Sequence[str], count: int) -> list[str]:
    """Choose `count` keys evenly over the data set, so that every source is represented."""
    if len(keys) <= count:
        return list(keys)
    return [keys[i * len(keys) // count] for i in range(count)]
