"""What is simulated: the releases that must not be rolled back, those that must, and the ideas that were tried."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.analysis.rules import ArgoRollouts, Flagger, Headgate, Kayenta, NaiveTest, Outcome, Rule, run
from bench.analysis.traffic import LENGTH, TICK, Scenario, World
from headgate.analysis.evidence import BAD_RATIOS
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

GOOD: dict[str, dict[str, Any]] = {
    "quiet": {},
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


ROUGH = {
    "independent": Scenario(100, 0.005),
    "bursts of 3": Scenario(100, 0.005, noise="bursts", size=3),
    "bursts of 10": Scenario(100, 0.005, noise="bursts", size=10),
    "beta-binomial 0.01": Scenario(100, 0.005, noise="beta", size=0.01),
}
LATE_AT = 300.0
LATE = {
    f"x{factor:g}, {rps} rps": Scenario(rps, 0.005, factor, onset=int(LATE_AT) // TICK)
    for rps in (20, 100)
    for factor in (5.0, 20.0)
}
LITTLE = {f"{rps} rps, 0.5 %": Scenario(rps, 0.005) for rps in (1, 2, 5, 10)}

_DOUBLING = (5, 10, 20, 40, 50)
LADDERS: dict[str, dict[str, Any]] = {
    "ten of 60 s": {},
    "ten, until 20 : 1": {"odds": 20.0, "longest": math.inf},
    "ten, until 3 : 1 or 60 s": {"odds": 3.0},
    "ten, until 1.2 : 1 or 60 s": {"odds": 1.2},
    "doubling from 5 to 50 %, until 20 : 1": {"odds": 20.0, "longest": math.inf, "ladder": _DOUBLING},
    "doubling from 5 to 50 %, until 3 : 1, 60 to 600 s (default)": {
        "odds": 3.0, "shortest": 60.0, "longest": 600.0, "ladder": _DOUBLING,
    },
    "doubling from 5 to 50 %, until 3 : 1": {"odds": 3.0, "longest": math.inf, "ladder": _DOUBLING},
    "doubling from 5 to 50 %, until 3 : 1 or 60 s": {"odds": 3.0, "ladder": _DOUBLING},
    "doubling from 5 to 50 %, until 1.2 : 1": {"odds": 1.2, "longest": math.inf, "ladder": _DOUBLING},
    "doubling from 5 to 50 %, until 1.2 : 1 or 60 s": {"odds": 1.2, "ladder": _DOUBLING},
    "doubling from 1 to 50 %, until 3 : 1 or 60 s": {"odds": 3.0, "ladder": (1, 2, 4, 8, 16, 32, 50)},
}  # fmt: skip
"""Options of the rule: the odds at which a step ends, its bounds in seconds, its weights."""


def _mostly_on(ratio: float) -> NDArray[np.float64]:
    """Half of the stakes on one ratio, the rest on the others alike."""
    return np.array([0.5 if rho == ratio else 0.5 / (len(BAD_RATIOS) - 1) for rho in BAD_RATIOS])


BETS: dict[str, dict[str, Any]] = {
    "eight ratios alike (default)": {},
    "half of the stakes on x2": {"prior": _mostly_on(2.0)},
    "half of the stakes on x5": {"prior": _mostly_on(5.0)},
    "half of the stakes on x40": {"prior": _mostly_on(40.0)},
    "on the ratio of the last minute": {"learnt": True},
    "checks every 5 s": {"check": 1},
}

KNOBS: dict[type[Rule], list[dict[str, Any]]] = {
    Flagger: [{"failures": count} for count in (5, 1, 2, 3, 8, 12)],
    ArgoRollouts: [{"failures": count} for count in (3, 0, 1, 5, 8)],
    Kayenta: [{"z": z} for z in (2.326, 1.282, 1.645, 3.09)],
    NaiveTest: [{"z": z} for z in (2.326, 1.645, 3.09, 4.0, 5.0)],
    Headgate: [{"alpha": alpha} for alpha in (ALPHA, 0.5, 0.2, 0.1, 0.05, 1e-3, 1e-4)],
}
"""Each rule's own setting, the default first."""


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
