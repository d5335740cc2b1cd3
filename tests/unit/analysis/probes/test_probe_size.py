"""How many pictures and patches probes look at."""

import pytest

from shallowsight.analysis.probes.size import MOST_BYTES, fitting, fitting_counts, probed_vision, updates_for
from shallowsight.study.experiment import Vision
from shallowsight.study.resolved import TowerFacts

SMALL = TowerFacts(name="s", family="dinov2", depth=12, width=384, patch=14, has_class_token=True, digest="a")
LARGE = TowerFacts(name="l", family="clip", depth=24, width=1024, patch=14, has_class_token=True, digest="b")


@pytest.mark.parametrize(
    ("size", "pool", "expected"),
    [
        pytest.param(168, 2, 2, id="36 tokens stay"),
        pytest.param(336, 1, 3, id="576 become 64"),
        pytest.param(336, 2, 4, id="windows of the study's windows"),
        pytest.param(518, 1, 1, id="37 x 37 has no divisor"),
    ],
)
def test_pooling(size: int, pool: int, expected: int) -> None:
    assert probed_vision(Vision(image_size=size, pool=pool), LARGE).pool == expected


def test_the_demo_is_looked_at_whole() -> None:
    assert fitting_counts(1728, 380, SMALL, 36) == (1728, 380)


def test_large_data_is_sampled_to_fit() -> None:
    train, test = fitting_counts(600_000, 10_000, LARGE, 576)
    assert 24 * 576 * 1024 * 2 * (train + test) <= MOST_BYTES
    assert train / test == pytest.approx(4, rel=0.05)
    keys = [str(number) for number in range(5000)]
    assert tuple(map(len, fitting(keys, keys, SMALL, 36))) == (2000, 500)


def test_updates() -> None:
    assert updates_for(100) == 200 and updates_for(1728) == 270
