"""What the metrics room hands to the analysis: raw cumulative counters, as Prometheus scraped them."""

from dataclasses import dataclass
from typing import Literal

Arm = Literal["stable", "candidate"]
Kind = Literal["served", "failed", "timed", "fast"]
"""served and failed count answered requests, failed those with a 5xx status and served all others; timed and fast are a
histogram's count and its bucket at the latency bound, scraped at the same moments."""


@dataclass(frozen=True, slots=True)
class Series:
    """One raw counter series of one version: (moment, value) pairs in order of time.

    Moments are seconds since the epoch. `identity` tells it apart from every other series of the release; series that
    differ in `replica` alone are the same counter, scraped by several Prometheus servers.
    """

    identity: str
    arm: Arm
    kind: Kind
    samples: tuple[tuple[float, float], ...]
    replica: str = ""
    pod: str = ""
    """The pod of the version that counted, where the series tell."""
