"""One idea by itself: evidence for each path of a service, so that a rare broken path is not diluted."""

import numpy as np

from bench.analysis.traffic import Counts
from bench.analysis.vectors import alarms, bad_bets
from headgate.analysis.policy import Policy

PATHS, CHECKS, PER_CHECK, WEIGHT = 10, 40, 1500, 0.1
SHARES = np.array([0.002] + [0.998 / (PATHS - 1)] * (PATHS - 1))
NEEDED = np.log(100)


def rare_path(releases: int, broken: float, seed: int) -> dict[str, tuple[float, float]]:
    """Share found and median seconds, judged as a whole and by the mean of the paths' e-values.

    One path of ten has 0.2 % of 100 rps; the candidate, at 10 % of the traffic, fails there with probability `broken`
    and like stable (0.5 %) everywhere else.
    """
    rng = np.random.default_rng(seed)
    phi, policy = np.ones(releases), Policy()
    whole: list[Counts] = []
    parts: list[list[Counts]] = [[] for _ in range(PATHS)]
    found = {"as a whole": np.full(releases, np.inf), "by path": np.full(releases, np.inf)}
    for check in range(CHECKS):
        counts = [_path(rng, share, broken if path == 0 else 0.005, releases) for path, share in enumerate(SHARES)]
        total: list[Counts] = [np.sum(column, axis=0) for column in zip(*counts, strict=True)]
        whole.append(bad_bets((total[0], total[1], total[2], total[3]), policy.bad, phi))
        for path, count in enumerate(counts):
            parts[path].append(bad_bets(count, policy.bad, phi))
        together = np.logaddexp.reduce([alarms(part, NEEDED / 2, 1) for part in parts]) - np.log(PATHS)
        for name, evidence in (("as a whole", alarms(whole, NEEDED / 2, 1)), ("by path", together)):
            now = np.isinf(found[name]) & (evidence >= NEEDED)
            found[name][now] = 15.0 * (check + 1)
    return {name: (float(np.isfinite(times).mean()), float(np.median(times))) for name, times in found.items()}


def _path(rng: np.random.Generator, share: float, rate: float, releases: int) -> tuple[Counts, Counts, Counts, Counts]:
    n = rng.poisson(PER_CHECK * WEIGHT * share, releases)
    m = rng.poisson(PER_CHECK * (1 - WEIGHT) * share, releases)
    x, y = rng.binomial(n, rate), rng.binomial(m, 0.005)
    return x.astype(float), n.astype(float), y.astype(float), m.astype(float)
