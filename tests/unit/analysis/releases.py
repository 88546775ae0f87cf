"""Specs and recorded series that the tests of planning and replaying share."""

import random
from collections.abc import Callable
from typing import Any

from headgate.analysis.chance import bursts, poisson
from headgate.analysis.samples import Arm, Kind, Series
from headgate.analysis.walk import Course, course_of
from headgate.api.spec import Spec

START = 1_699_999_995.0
"""On the grid of checks of 15 s."""
SCRAPE = 15
FIXED = [
    {"setWeight": 5, "hold": {"min": "1m", "max": "10m"}},
    {"setWeight": 25, "hold": {"min": "2m", "max": "10m"}},
    {"setWeight": 50, "hold": {"min": "2m", "max": "10m"}},
]
Share = Callable[[float], float]
"""Of a moment in seconds since START."""


def course(*steps: dict[str, Any], settle: float = 5.0, **more: Any) -> Course:
    """The course of a release of the Deployment `shop`; through the FIXED steps where none are given."""
    given = {} if "strategy" in more else {"steps": list(steps) or FIXED}
    spec = {"targetRef": {"kind": "Deployment", "name": "shop"}, **given, **more}
    return course_of(Spec.model_validate(spec), settle)


def recorded(
    rng: random.Random,
    *,
    hours: float = 6.0,
    rps: Share = lambda _: 20.0,
    errors: Share = lambda _: 0.005,
    arm: Arm = "stable",
    pod: str = "",
    burst: float = 1.0,
) -> list[Series]:
    """What a version answered, as raw counters; a counter is there from its first request on."""
    counts: dict[Kind, int] = {"served": 0, "failed": 0}
    samples: dict[Kind, list[tuple[float, float]]] = {"served": [], "failed": []}
    for at in range(0, int(hours * 3600), SCRAPE):
        requests = poisson(rng, rps(at) * SCRAPE)
        failed = min(requests, bursts(rng, requests * errors(at), burst))
        counts["served"] += requests - failed
        counts["failed"] += failed
        for kind, count in counts.items():
            if count:
                samples[kind].append((START + at, float(count)))
    return [Series(f"{arm}{pod}", arm, kind, tuple(found), pod=pod) for kind, found in samples.items() if found]
