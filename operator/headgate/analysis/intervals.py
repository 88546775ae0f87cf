"""Counts of both versions over the same stretch of time."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Counts:
    """Requests of one version in one interval.

    `errors` of `requests` were answered 5xx; `slow` of `timed` took longer than the latency bound.
    """

    requests: float = 0.0
    errors: float = 0.0
    timed: float = 0.0
    slow: float = 0.0


@dataclass(frozen=True)
class Interval:
    """One check: what both versions did from `start` to `end` (seconds since the epoch), in step `step`."""

    start: float
    end: float
    stable: Counts
    candidate: Counts
    step: int = 0
