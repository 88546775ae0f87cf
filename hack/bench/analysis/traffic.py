"""Simulated traffic of many releases at once, in ticks of five seconds."""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[Any]
"""One number, or one truth, for each release."""

TICK = 5
CHECK = 3
"""Ticks in one check of 15 s."""
STEPS = tuple(range(5, 55, 5))
STEP_TICKS = 12
LENGTH = len(STEPS) * STEP_TICKS
PAST_CHECKS = 240

INCIDENT_TICKS = 12
INCIDENT_FACTOR = 10.0


@dataclass(frozen=True)
class Scenario:
    """One kind of release: its traffic, its errors, and what happens to it."""

    rps: float
    rate: float
    """Stable's error rate."""
    factor: float = 1.0
    """The candidate's rate is so many times stable's."""
    incident: bool = False
    """Both versions fail ten times as often for one minute, at a random time."""
    noise: Literal["independent", "bursts", "beta"] = "independent"
    size: float = 1.0
    """Errors in a burst; or the correlation rho of beta-binomial errors."""
    apart: int = 0
    """Ticks by which the candidate is scraped later than stable."""
    onset: int = 0
    """The tick at which a bad candidate turns bad."""

    def worse(self, factor: float) -> "Scenario":
        return replace(self, factor=factor)


class World:
    """The releases of one scenario: draws what happens in a tick at the weights that a rule has chosen."""

    def __init__(self, scenario: Scenario, releases: int, seed: int) -> None:
        self.scenario = scenario
        self.releases = releases
        self._rng = np.random.default_rng(seed)
        self._begins = self._rng.integers(STEP_TICKS, LENGTH - 2 * INCIDENT_TICKS, releases)
        self._level: dict[str, Counts] = {}

    def past(self) -> tuple[Counts, Counts]:
        """Errors and requests of stable in each check of the hour before, one row a release."""
        shape = (self.releases, PAST_CHECKS)
        requests = self._rng.poisson(self.scenario.rps * TICK * CHECK, shape).astype(float)
        return self._errors(requests, np.full(shape, self.scenario.rate), self._levels(shape)), requests

    def tick(self, at: int, weights: Counts) -> tuple[Counts, Counts, Counts, Counts]:
        """Errors and requests of the candidate, then of stable, in one tick."""
        world = self.scenario
        rate = np.full(self.releases, world.rate)
        if world.incident:
            rate *= np.where((at >= self._begins) & (at < self._begins + INCIDENT_TICKS), INCIDENT_FACTOR, 1.0)
        rate = np.minimum(rate, 1.0)
        candidate_rate = np.minimum(rate * (world.factor if at >= world.onset else 1.0), 1.0)
        n = self._rng.poisson(world.rps * TICK * weights / 100).astype(float)
        m = self._rng.poisson(world.rps * TICK * (1 - weights / 100)).astype(float)
        if at % CHECK == 0:
            self._level = {arm: self._levels((self.releases,)) for arm in ("candidate", "stable")}
        x = self._errors(n, candidate_rate, self._level["candidate"])
        return x, n, self._errors(m, rate, self._level["stable"]), m

    def _levels(self, shape: tuple[int, ...]) -> Counts:
        """What each check multiplies the rate by: 1, or for beta-binomial noise a random number of mean 1."""
        if self.scenario.noise != "beta":
            return np.ones(shape)
        p, rho = self.scenario.rate, self.scenario.size
        levels: Counts = self._rng.beta(p * (1 - rho) / rho, (1 - p) * (1 - rho) / rho, shape) / p
        return levels

    def _errors(self, requests: Counts, rate: Counts, level: Counts) -> Counts:
        if self.scenario.noise == "bursts":
            bursts = self._rng.poisson(requests * rate / self.scenario.size)
            limited: Counts = np.minimum(bursts * self.scenario.size, requests)
            return limited
        errors: Counts = self._rng.binomial(requests.astype(np.int64), np.clip(rate * level, 0.0, 1.0))
        return errors.astype(float)
