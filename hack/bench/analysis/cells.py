"""What is simulated: the releases that must not be rolled back, those that must, and the ideas that were tried."""

import math
from dataclasses import dataclass, replace

import numpy as np

from bench.analysis.rules import ArgoRollouts, Flagger, Headgate, Kayenta, NaiveTest, Outcome, Rule, run
from bench.analysis.traffic import LENGTH, Scenario, World
from headgate.analysis.policy import Policy, Tolerance

SEED = 20260101
ALPHA = 0.01

SERVICES = {
    "20 rps, 0.5 %": Scenario(20, 0.005),
    "100 rps, 0.5 %": Scenario(100, 0.005),
    "100 rps, 0.1 %": Scenario(100, 0.001),
    "20 rps, 1 %": Scenario(20, 0.01),
    "100 rps, 1 %": Scenario(100, 0.01),
}
FACTORS = (2.0, 5.0, 20.0)
RULES: tuple[type[Rule], ...] = (Flagger, ArgoRollouts, Kayenta, NaiveTest, Headgate)

GOOD = {
    "clean": {},
    "incident": {"incident": True},
    "incident, 5 s apart": {"incident": True, "apart": 1},
    "incident, 10 s apart": {"incident": True, "apart": 2},
    "incident, 15 s apart": {"incident": True, "apart": 3},
    "bursts of 3": {"noise": "bursts", "size": 3},
    "bursts of 3, incident": {"noise": "bursts", "size": 3, "incident": True},
    "bursts of 10": {"noise": "bursts", "size": 10},
    "bursts of 10, incident": {"noise": "bursts", "size": 10, "incident": True},
    "beta-binomial 0.001": {"noise": "beta", "size": 0.001},
    "beta-binomial 0.01": {"noise": "beta", "size": 0.01},
    "beta-binomial 0.01, incident": {"noise": "beta", "size": 0.01, "incident": True},
}
GOOD_SERVICES = {
    "1 rps, 0.5 %": Scenario(1, 0.005),
    "5 rps, 0.5 %": Scenario(5, 0.005),
    "20 rps, 0.5 %": Scenario(20, 0.005),
    "100 rps, 0.1 %": Scenario(100, 0.001),
    "100 rps, 0.5 %": Scenario(100, 0.005),
    "1,000 rps, 0.5 %": Scenario(1000, 0.005),
    "5,000 rps, 0.5 %": Scenario(5000, 0.005),
}

TOLERANCES = {
    "1.2 times + 0.05 %": Tolerance(1.2, 0.0005),
    "1.1 times + 0.02 %": Tolerance(1.1, 0.0002),
    "1 times + 0": Tolerance(1.0, 0.0),
}
HALF = -math.log(ALPHA) / 2
LIMITS: dict[str, tuple[float, int | None]] = {
    "no limit": (math.inf, 1),
    "largest check left out": (0.0, 1),
    "largest check counts half": (HALF, 1),
    "largest two neighbours left out": (0.0, 2),
    "largest two neighbours count half": (HALF, 2),
    "as scraped: one when together, two when apart (default)": (HALF, None),
}
"""Evidence and number of neighbouring checks that it may come from."""


@dataclass(frozen=True)
class Figures:
    """What one rule does with one kind of release."""

    found: float
    median: float
    exposed: float
    finished: float

    @classmethod
    def of(cls, outcome: Outcome) -> "Figures":
        """The figures of the releases of a cell."""
        return cls(outcome.found, outcome.median, float(outcome.exposed.mean()), float(np.median(outcome.finished)))


@dataclass(frozen=True)
class Size:
    """How many releases each cell has, and the seed of their traffic."""

    releases: int
    seed: int = SEED

    def play(self, rule: Rule, scenario: Scenario) -> Figures:
        """The figures of a rule in one scenario; every rule begins with the same seed."""
        return Figures.of(run(rule, World(scenario, self.releases, self.seed), LENGTH))


def variant(tolerance: Tolerance, limit: tuple[float, int | None]) -> Headgate:
    """The rule with another tolerance and another limit."""
    return Headgate(policy=replace(Policy(), bad=tolerance), most=limit[0], neighbours=limit[1])
