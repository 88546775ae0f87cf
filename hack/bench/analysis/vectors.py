"""The formulas of headgate.analysis.evidence for many releases at once; `agree` proves that they are the same."""

import numpy as np
from numpy.typing import NDArray

from headgate.analysis.evidence import BAD_RATIOS, SAFE_RATIOS, Pair, alarm, assurance, comparison_bets, similarity_bets
from headgate.analysis.policy import Tolerance

Array = NDArray[np.float64]


RHO = np.array(BAD_RATIOS)


def bad_bets(counts: tuple[Array, Array, Array, Array], tolerance: Tolerance, phi: Array, rho: Array = RHO) -> Array:
    """As `comparison_bets`: one row a release, one column for each rho, which may be another one in each release."""
    x, n, y, m, phi = (item[:, None] for item in (*counts, phi))
    r, d = tolerance.ratio, tolerance.difference
    with np.errstate(divide="ignore", invalid="ignore"):
        g = (r * n + m) / (rho * r * n + m)
        bets = (x * np.log(rho * g) + y * np.log(g) - n * d * (rho * g - 1.0)) / phi
    return np.where((n > 0) & (m > 0), bets, 0.0)


def safe_bets(counts: tuple[Array, Array, Array, Array], tolerance: Tolerance, phi: Array) -> Array:
    """As `similarity_bets`."""
    rho = np.array(SAFE_RATIOS)
    x, n, y, m, phi = (item[:, None] for item in (*counts, phi))
    r, d = tolerance.ratio, tolerance.difference
    with np.errstate(divide="ignore", invalid="ignore"):
        g = (r * n + m) / (rho * r * n + m)
        errors = np.where(x > 0, x * np.log(rho * g), 0.0)
        bets = (errors + y * np.log(g) + n * d * (1.0 - rho * g)) / phi
    return np.where((n > 0) & (m > 0), bets, 0.0)


def log_mean_exp(values: Array, weights: Array | None = None) -> Array:
    """As `log_mean_exp`, over the last axis; `weights` sum to 1 and are equal unless they are given."""
    top = values.max(axis=-1)
    safe = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        found: Array = safe + np.log(np.average(np.exp(values - safe[..., None]), axis=-1, weights=weights))
    return found


def alarms(bets: list[Array], most: float, neighbours: int = 2, weights: Array | None = None) -> Array:
    """As `alarm`, for each release: `bets` has one array of (release, rho) for each check.

    `neighbours` = 1 limits the largest single check, as for aligned intervals, 2 the largest pair of neighbours.
    `weights` of the rhos are equal in the package.
    """
    count = len(bets)
    total = np.full(bets[0].shape[0], -np.log(count + 1.0))
    sums, later, pairs = np.zeros_like(bets[0]), np.zeros_like(bets[0]), np.full_like(bets[0], most)
    for index in range(count - 1, -1, -1):
        gain = np.maximum(bets[index], 0.0)
        sums += bets[index]
        pairs = np.maximum(pairs, gain + later)
        later = gain if neighbours == 2 else later
        excess = pairs - most if np.isfinite(most) else 0.0
        mean = log_mean_exp(sums - excess, weights)
        total = np.logaddexp(total, mean - np.log((index + 1.0) * (index + 2.0)))
    return total


def agree(tolerance: Tolerance, seed: int = 1) -> None:
    """Raises AssertionError unless the formulas here and those of the package give the same evidence."""
    rng = np.random.default_rng(seed)
    n, m = rng.integers(1, 300, (20, 30)).astype(float), rng.integers(1, 3000, (20, 30)).astype(float)
    x, y = rng.binomial(n.astype(int), 0.02).astype(float), rng.binomial(m.astype(int), 0.01).astype(float)
    phi = np.full(20, 1.7)
    columns = [(x[:, k], n[:, k], y[:, k], m[:, k]) for k in range(30)]
    bad = alarms([bad_bets(column, tolerance, phi) for column in columns], 2.0)
    one = alarms([bad_bets(column, tolerance, phi) for column in columns], 2.0, neighbours=1)
    safe = log_mean_exp(np.sum([safe_bets(column, tolerance, phi) for column in columns], axis=0))
    for row in range(20):
        pairs = [Pair(*(float(item[row]) for item in column)) for column in columns]
        bets = [comparison_bets(pair, tolerance, 1.7) for pair in pairs]
        np.testing.assert_allclose(bad[row], alarm(bets, 2.0, [False] * 30).log_e, atol=1e-9)
        np.testing.assert_allclose(one[row], alarm(bets, 2.0, [True] * 30).log_e, atol=1e-9)
        np.testing.assert_allclose(
            safe[row], assurance([similarity_bets(pair, tolerance, 1.7) for pair in pairs]), atol=1e-9
        )
