"""Random counts: the means and variances that they are to have, and the same numbers from the same seed."""

import random
from collections.abc import Callable
from statistics import fmean, pvariance

import pytest

from headgate.analysis.chance import binomial, bursts, poisson, seeded, share_interval

DRAWS = 4000


def moments(draw: Callable[[], int]) -> tuple[float, float]:
    """Mean and variance over its own mean."""
    values = [draw() for _ in range(DRAWS)]
    return fmean(values), pvariance(values) / fmean(values)


@pytest.mark.parametrize("mean", [0.3, 7.0, 59.0, 61.0, 4000.0])
def test_a_poisson_count_has_its_mean_as_variance(mean: float, rng: random.Random) -> None:
    found, ratio = moments(lambda: poisson(rng, mean))

    assert found == pytest.approx(mean, rel=0.06)
    assert ratio == pytest.approx(1.0, rel=0.12)


@pytest.mark.parametrize(("count", "share"), [(10, 0.3), (10, 0.9), (5000, 0.002), (5000, 0.5)])
def test_a_binomial_count_has_its_mean_and_variance(count: int, share: float, rng: random.Random) -> None:
    found, ratio = moments(lambda: binomial(rng, count, share))

    assert found == pytest.approx(count * share, rel=0.05)
    assert ratio == pytest.approx(1.0 - share, rel=0.12)


@pytest.mark.parametrize("phi", [1.0, 1.7, 3.0, 10.5])
def test_bursts_scatter_as_much_as_they_are_told(phi: float, rng: random.Random) -> None:
    found, ratio = moments(lambda: bursts(rng, 20.0, phi))

    assert found == pytest.approx(20.0, rel=0.06)
    assert ratio == pytest.approx(phi, rel=0.12)


@pytest.mark.parametrize(("count", "share"), [(0, 0.5), (5, 0.0), (5, 1.0), (10**9, 1e-12)])
def test_no_draw_leaves_its_bounds(count: int, share: float, rng: random.Random) -> None:
    assert all(0 <= binomial(rng, count, share) <= count for _ in range(50))


def test_the_same_seed_gives_the_same_numbers() -> None:
    first, second = ([poisson(seeded(7, "good", number), 100.0) for number in range(5)] for _ in range(2))

    assert first == second
    assert len(set(first)) > 1


@pytest.mark.parametrize(("count", "total", "low", "high"), [
    (0, 100, 0.0, 0.0362),
    (1, 100, 0.000253, 0.0545),
    (5, 10, 0.1871, 0.8129),
    (10, 10, 0.6915, 1.0),
])  # fmt: skip
def test_the_interval_of_a_share_is_that_of_the_tables(count: int, total: int, low: float, high: float) -> None:
    """Clopper and Pearson's own values."""
    assert share_interval(count, total) == pytest.approx((low, high), rel=2e-3, abs=1e-9)
