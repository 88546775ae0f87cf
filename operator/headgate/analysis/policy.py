"""How sure and how tolerant a verdict is: the numbers a user or a replay may vary."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How much worse than stable the candidate may be: its rate may be `ratio` times stable's plus `difference`."""

    ratio: float
    difference: float


@dataclass(frozen=True, slots=True)
class Policy:
    """What a verdict takes, beside the spec's confidence."""

    bad: Tolerance = Tolerance(1.1, 0.0002)
    """A candidate that is no worse than this is rolled back with a probability of at most 1 - confidence. In the
    simulation (hack/bench/analysis; 1,000 requests a second, stable fails 0.5 %) a version that fails 1.2 times as
    often is left alone and one that fails 1.5 times as often is found; without a tolerance a quarter of the former
    would be rolled back, and with 1.2 and 0.0005 nine tenths of the latter would pass."""
    safe: Tolerance = Tolerance(1.5, 0.005)
    """A candidate that is worse than this is certified in a step with a probability of at most `risk`."""
    risk: float = 0.05
    likely: float = 3.0
    """Odds that a candidate is fine at which a weight that is Auto grows. It decides how much is exposed next, not
    whether a version is taken: the last weight is left by proof."""
    checks: int = 3
    """So many intervals of a step must be counted before it may end without a proof: fewer can't show even a version
    that always fails, since what is odd for a moment, two neighbours where scrapes are apart, counts at most half."""
    dispersion: float | None = None
    """phi, when it is known; else it is measured on stable before the release."""
    past_ratio: float = 3.0
    past_floor: float = 0.01
    """With all traffic on the candidate and no objective, it may fail this many times stable's past rate, or this
    share if that is more."""
    past_requests: float = 300.0
    """Fewer past requests than this tell no rate."""
    candidates: int = 1
    """So many candidates are judged at once, each by itself against the same stable. Each needs so many times the odds:
    then the confidence holds for all good ones together (union bound), though they share stable's counts."""

    def log_needed(self, confidence: float) -> float:
        """Log evidence at which a candidate is bad; `confidence` is the spec's, from 0 to 1."""
        return math.log(self.candidates) - math.log(1.0 - confidence)
