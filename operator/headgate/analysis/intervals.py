"""Counts of both versions over the same stretch of time."""

import math
from dataclasses import dataclass
from typing import Literal, Self

Sort = Literal["errors", "slow"]
"""In which way a request is bad."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Requests of one version in one interval.

    `errors` of `requests` were answered 5xx; `slow` of `timed` took longer than the latency bound. Raises ValueError
    for counts that no traffic can give: negative, not finite, or more bad requests than requests.
    """

    requests: float = 0.0
    errors: float = 0.0
    timed: float = 0.0
    slow: float = 0.0

    def __post_init__(self) -> None:
        if not (0 <= self.errors <= self.requests < math.inf and 0 <= self.slow <= self.timed < math.inf):
            raise ValueError(f"{self} is no count of requests: bad ones must be from 0 to all, and all finite")

    def of(self, sort: Sort) -> tuple[float, float]:
        """The bad requests of one sort, and all among which they were counted."""
        return (self.errors, self.requests) if sort == "errors" else (self.slow, self.timed)

    def __add__(self, other: Self) -> "Counts":
        return Counts(
            self.requests + other.requests,
            self.errors + other.errors,
            self.timed + other.timed,
            self.slow + other.slow,
        )

    def __sub__(self, part: Self) -> "Counts":
        return Counts(
            self.requests - part.requests, self.errors - part.errors, self.timed - part.timed, self.slow - part.slow
        )


@dataclass(frozen=True, slots=True)
class Interval:
    """One check: what both versions did from `start` to `end` (seconds since the epoch), in step `step`.

    `weight` is the candidate's share of the traffic in percent; at 100 there is no stable to compare with. `aligned`
    tells that both versions were scraped at the same moments, as in one proxy.
    """

    start: float
    end: float
    stable: Counts
    candidate: Counts
    step: int = 0
    weight: int = 0
    aligned: bool = False
