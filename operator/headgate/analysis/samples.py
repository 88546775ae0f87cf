"""What the metrics room hands to the analysis: raw cumulative counters, as Prometheus scraped them."""

from dataclasses import dataclass
from typing import Literal

Arm = Literal["stable", "candidate"]
Kind = Literal["requests", "errors", "timed", "fast"]
"""requests and errors are answered requests and those with a 5xx status; timed and fast are the histogram's count and
its bucket at the latency bound."""


@dataclass(frozen=True)
class Series:
    """One raw counter series of one version: (moment, value) pairs in order of time.

    Moments are seconds since the epoch. `identity` tells it apart from every other series of the release.
    """

    identity: str
    arm: Arm
    kind: Kind
    samples: tuple[tuple[float, float], ...]
