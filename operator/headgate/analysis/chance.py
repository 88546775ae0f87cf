"""Random counts from a seeded generator: the same seed gives the same numbers on every machine."""

import math
import random
from collections.abc import Callable

_EXACT = 60.0
"""Up to this mean the draw is exact; above, the normal distribution rounded to whole numbers."""


def seeded(*seeds: object) -> random.Random:
    """A generator that depends on the seeds alone."""
    return random.Random("/".join(map(str, seeds)))  # noqa: S311 (a simulation, no secret)


def poisson(rng: random.Random, mean: float) -> int:
    """A count of independent events of which `mean` are expected (Knuth 1969, The Art of Computer Programming 2)."""
    if mean > _EXACT:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    limit, product, count = math.exp(-mean), rng.random(), 0
    while product > limit:
        product *= rng.random()
        count += 1
    return count


def binomial(rng: random.Random, count: int, share: float) -> int:
    """How many of `count` are chosen when each is chosen with probability `share`, independently.

    By the gaps between those chosen, which are geometric (Devroye 1986, Non-uniform random variate generation, X.4).
    """
    if share > 0.5:
        return count - binomial(rng, count, 1.0 - share)
    if not count or share <= 0.0:
        return 0
    if count * share > _EXACT:
        spread = math.sqrt(count * share * (1.0 - share))
        return min(count, max(0, round(rng.gauss(count * share, spread))))
    log_miss, chosen, position = math.log1p(-share), 0, 0
    while True:
        position += math.floor(math.log(1.0 - rng.random()) / log_miss) + 1
        if position > count:
            return chosen
        chosen += 1


def bursts(rng: random.Random, mean: float, phi: float) -> int:
    """A count of which `mean` are expected, and whose variance is `phi` >= 1 times that: events come in bursts.

    The number of bursts is Poisson; their sizes are the two whole numbers around phi, in the proportion that makes
    E[size^2] / E[size], the dispersion of a compound Poisson count, equal to phi.
    """
    small = math.floor(phi)
    if small == phi:
        return small * poisson(rng, mean / small)
    # Of the events, this share comes in the larger bursts; dispersion is linear in that share.
    large = phi - small
    return small * poisson(rng, mean * (1.0 - large) / small) + (small + 1) * poisson(rng, mean * large / (small + 1))


def share_interval(count: int, total: int, confidence: float = 0.95) -> tuple[float, float]:
    """The exact interval of a share of which `count` of `total` were seen (Clopper and Pearson 1934)."""
    tail = (1.0 - confidence) / 2.0
    low = 0.0 if not count else _bisected(lambda share: _at_least(count, total, share) >= tail)
    high = 1.0 if count == total else _bisected(lambda share: 1.0 - _at_least(count + 1, total, share) <= tail)
    return low, high


def _at_least(count: int, total: int, share: float) -> float:
    """The probability that at least `count` of `total` are chosen."""
    if share <= 0.0 or share >= 1.0:
        return float(share > 0.0)
    logs = (
        math.lgamma(total + 1)
        - math.lgamma(chosen + 1)
        - math.lgamma(total - chosen + 1)
        + chosen * math.log(share)
        + (total - chosen) * math.log1p(-share)
        for chosen in range(count, total + 1)
    )
    return min(1.0, math.fsum(math.exp(log) for log in logs))


def _bisected(reached: Callable[[float], bool]) -> float:
    """The smallest share from which on `reached` holds."""
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2.0
        low, high = (low, middle) if reached(middle) else (middle, high)
    return high
