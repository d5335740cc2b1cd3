"""Rank correlations: scipy's numbers, and a range that holds the true one whatever order noise hides."""

from itertools import permutations

import numpy as np
import pytest
from scipy.stats import spearmanr

from shallowsight.report.rank_correlation import in_words, rank_range, spearman


def test_spearman_is_scipys_and_its_p_counts_orders() -> None:
    one, other = [3.0, 1.0, 2.0, 5.0, 5.0], [0.3, 0.1, 0.4, 0.9, 0.2]
    rho, p = spearman(one, other) or (0.0, 0.0)
    assert rho == pytest.approx(spearmanr(one, other).statistic)
    every = [spearmanr(one, order).statistic for order in permutations(other)]
    assert p == pytest.approx(sum(r >= rho - 1e-9 for r in every) / 120)


@pytest.mark.parametrize(("layers", "p"), [(4, 1 / 24), (5, 1 / 120)])
def test_few_layers_can_show_little(layers: int, p: float) -> None:
    assert spearman(range(layers), range(layers)) == pytest.approx((1, p))


def test_of_many_layers_some_orders_are_drawn() -> None:
    rho, p = spearman(range(12), range(12)) or (0.0, 0.0)
    assert rho == pytest.approx(1) and p == pytest.approx(1 / 20_000)
    assert spearman(range(12), range(11, -1, -1)) == pytest.approx((-1, 1))


@pytest.mark.parametrize("values", [([1, 1, 1, 1], [1, 2, 3, 4]), ([1, 2, 3, 4], [0.5, 0.5, 0.5, 0.5])])
def test_no_order(values: tuple[list[float], list[float]]) -> None:
    assert spearman(*values) is None and rank_range(*values, noise=0.1) is None


def test_without_noise_the_range_is_what_was_seen() -> None:
    predicted, trained = [1.0, 3.0, 2.0, 5.0, 4.0], [0.1, 0.2, 0.3, 0.4, 0.5]
    rho, _ = spearman(predicted, trained) or (0.0, 0.0)
    assert rank_range(predicted, trained, noise=0.0) == pytest.approx((rho, rho))


def test_where_nothing_is_told_apart_every_order_is_possible() -> None:
    assert rank_range([1, 3, 2, 5], [0.1, 0.2, 0.3, 0.4], noise=1.0) == pytest.approx((-1, 1))


def test_equal_accuracies_do_not_leave_the_range() -> None:
    predicted, trained = [1.0, 2.0, 2.0, 3.0], [0.1, 0.2, 0.2, 0.3]
    low, high = rank_range(predicted, trained, noise=0.05) or (0.0, 0.0)
    assert high == pytest.approx(1), "both have the same ties"
    assert low <= spearmanr(predicted, [1, 2, 3, 4]).statistic


def test_every_order_that_noise_allows_is_within_the_range() -> None:
    """An order is allowed where no setting stands above one that is better by more than the noise."""
    random = np.random.default_rng(0)
    for _ in range(60):
        predicted, trained = random.random(5), random.random(5)
        noise = float(random.uniform(0, 0.6))
        found = rank_range(predicted.tolist(), trained.tolist(), noise)
        assert found is not None
        allowed = [
            spearmanr(predicted, order).statistic
            for order in permutations(range(5))
            if all(order[i] > order[j] for i in range(5) for j in range(5) if trained[i] - trained[j] > noise)
        ]
        assert found[0] <= min(allowed) + 1e-9 and max(allowed) - 1e-9 <= found[1]
        assert -1 - 1e-9 <= found[0] <= found[1] <= 1 + 1e-9


def test_words() -> None:
    assert in_words(0.9, None) == "0.90"
    assert in_words(0.9, (-0.3, 1.0)) == "0.90, from \N{MINUS SIGN}0.30 to 1.00"
