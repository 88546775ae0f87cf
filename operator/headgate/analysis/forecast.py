"""What a release would do on a service's own traffic, by simulation through the engine that judges real ones.

Each release is walked on random counts with the service's rate of requests, its error rate and its dispersion, from a
frozen seed: good versions, which fail like stable, and versions that turn bad as a step begins.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from random import Random
from statistics import median

from headgate.analysis.chance import bursts, poisson, seeded
from headgate.analysis.dispersion import Baseline
from headgate.analysis.intervals import Counts, Interval, Sort
from headgate.analysis.progress import Said, unheard
from headgate.analysis.walk import Course, Leg, Walk, walk

HOUR = 3600.0
SEED = 20260101
FACTORS = (2.0, 5.0, 20.0)


@dataclass(frozen=True)
class Traffic:
    """What a service is used to: requests a second, and what stable does with them."""

    rps: float
    errors: float
    """Share of requests that fail."""
    slow: float | None = None
    """Share of requests that are slow; None where none is timed."""
    errors_phi: float = 1.0
    """Dispersion of the errors."""
    slow_phi: float = 1.0
    aligned: bool = True
    """Both versions are scraped at the same moments."""

    @cached_property
    def baseline(self) -> Baseline:
        """The hour before the release."""
        requests = self.rps * HOUR
        timed = 0.0 if self.slow is None else requests
        counts = Counts(requests, requests * self.errors, timed, timed * (self.slow or 0.0))
        return Baseline(counts, self.errors_phi, self.slow_phi)

    def rate(self, sort: Sort) -> float:
        """Share of bad requests."""
        return self.errors if sort == "errors" else self.slow or 0.0


@dataclass(frozen=True)
class Fault:
    """A version that is bad in one way, from a leg on."""

    sort: Sort
    rate: float
    """Its share of bad requests."""
    factor: float
    """How many times stable's that is."""
    leg: int = 0
    """Position of the leg at whose start it turns bad."""


@dataclass
class Simulated:
    """Random traffic for one release."""

    traffic: Traffic
    interval: float
    legs: tuple[Leg, ...]
    rng: Random
    fault: Fault | None = None

    def intervals(self, since: float, leg: Leg) -> Iterator[Interval]:
        """Intervals of one check, without end."""
        share, bad = leg.weight / 100.0, self._bad(leg)
        while True:
            end = since + self.interval
            candidate, stable = self._counts(share, bad), self._counts(1.0 - share, None)
            yield Interval(since, end, stable, candidate, leg.step, leg.weight, self.traffic.aligned)
            since = end

    def _bad(self, leg: Leg) -> Fault | None:
        return self.fault if self.fault and self.legs.index(leg) >= self.fault.leg else None

    def _counts(self, share: float, fault: Fault | None) -> Counts:
        traffic = self.traffic
        requests = poisson(self.rng, traffic.rps * share * self.interval)
        errors = self._of(requests, "errors", traffic.errors_phi, fault)
        if traffic.slow is None:
            return Counts(requests, errors)
        return Counts(requests, errors, requests, self._of(requests, "slow", traffic.slow_phi, fault))

    def _of(self, requests: int, sort: Sort, phi: float, fault: Fault | None) -> int:
        rate = fault.rate if fault and fault.sort == sort else self.traffic.rate(sort)
        return min(requests, bursts(self.rng, requests * min(rate, 1.0), phi))


@dataclass(frozen=True)
class Detection:
    """What becomes of releases of a version that turns bad at one leg."""

    fault: Fault
    found: float
    """Share that is rolled back."""
    asked: float
    """Share that ends with a person being asked, or stalls."""
    promoted: float
    seconds: float | None
    """Median from when it turned bad to the rollback; None when fewer than half are found."""
    exposed: float
    """Mean requests that it answered while bad, until the rollback, the question to a person or the promotion."""
    times: tuple[float, ...] = ()
    """Seconds from when it turned bad, of those found, sorted."""


@dataclass(frozen=True)
class Passage:
    """What a good version does in one leg."""

    leg: Leg
    reached: int
    """How many simulated releases came to it; where nothing was proven before, a person let them go on."""
    safe: float
    """Share proven safe before the leg's max."""
    seconds: float
    """Median time in the leg, the settling of its weight included."""
    slowest: float
    """Nine of ten took no longer."""


@dataclass(frozen=True)
class Forecast:
    """All that was simulated."""

    traffic: Traffic
    course: Course
    releases: int
    """Simulated releases of each kind."""
    passages: tuple[Passage, ...]
    detections: tuple[Detection, ...]
    endings: dict[str, float] = field(default_factory=dict)
    """Share of good versions by ending, without anybody's help."""
    seconds: float | None = None
    """Median of the good versions that were promoted."""

    @property
    def promoted(self) -> float:
        """Share of good versions promoted without a person's help."""
        return self.endings.get("Promoted", 0.0)


def fault_of(traffic: Traffic, sort: Sort, factor: float, floor: float, leg: int = 0) -> Fault:
    """A version that is bad `factor` times as often as stable; `floor` stands for a stable that is never bad."""
    return Fault(sort, min(1.0, factor * max(traffic.rate(sort), floor)), factor, leg)


def forecast(
    course: Course,
    traffic: Traffic,
    *,
    releases: int = 100,
    seed: int = SEED,
    said: Said = unheard,
) -> Forecast:
    """Simulates `releases` of each kind."""
    sorts: list[Sort] = ["errors", "slow"] if course.analysis.latency and traffic.slow is not None else ["errors"]
    starts = [place for place, leg in enumerate(course.legs) if leg.weight and leg.ends != "Time"]
    starts = starts or [next(place for place, leg in enumerate(course.legs) if leg.weight)]
    kinds = [(sort, factor, leg) for sort in sorts for leg in starts for factor in FACTORS]
    floor = course.policy.bad.difference
    alone = [_play(course, traffic, None, (seed, "good", number), 0) for number in range(releases)]
    helped = [
        one if one.ending != "Waiting" else _play(course, traffic, None, (seed, "good", number), len(course.legs))
        for number, one in enumerate(alone)
    ]
    said(1, 1 + len(kinds))
    detections = []
    for done, (sort, factor, leg) in enumerate(kinds, 2):
        fault = fault_of(traffic, sort, factor, floor, leg)
        walks = [
            _play(course, traffic, fault, (seed, sort, factor, leg, number), approved=leg) for number in range(releases)
        ]
        detections.append(_detection(fault, walks, traffic))
        said(done, 1 + len(kinds))
    endings = {ending: sum(one.ending == ending for one in alone) / releases for ending in {w.ending for w in alone}}
    times = [one.seconds for one in alone if one.ending == "Promoted"]
    return Forecast(
        traffic=traffic,
        course=course,
        releases=releases,
        passages=tuple(_passages(course, helped)),
        detections=tuple(detections),
        endings=dict(sorted(endings.items())),
        seconds=median(times) if times else None,
    )


def _play(course: Course, traffic: Traffic, fault: Fault | None, seed: Sequence[object], approved: int) -> Walk:
    feed = Simulated(traffic, course.analysis.interval, course.legs, seeded(*seed), fault)
    return walk(course, feed, traffic.baseline, approved=approved)


def _passages(course: Course, walks: Sequence[Walk]) -> Iterator[Passage]:
    for place, leg in enumerate(course.legs):
        stays = [one.stays[place] for one in walks if len(one.stays) > place]
        times = sorted(stay.ended - stay.entered for stay in stays)
        if times:
            safe = sum(stay.verdict == "Safe" for stay in stays) / len(stays)
            yield Passage(leg, len(stays), safe, median(times), quantile(times, 0.9))


def _detection(fault: Fault, walks: Sequence[Walk], traffic: Traffic) -> Detection:
    """The figures of the walks that came to the leg at which the version turned bad."""
    reached = [one for one in walks if len(one.stays) > fault.leg]
    times = sorted(one.seconds - one.stays[fault.leg].entered for one in reached if one.ending == "RolledBack")
    count = max(1, len(reached))
    promoted = sum(one.ending == "Promoted" for one in reached)
    exposed = sum(exposure(one, traffic, fault.leg) for one in reached) / count
    return Detection(
        fault=fault,
        found=len(times) / count,
        asked=(len(reached) - len(times) - promoted) / count,
        promoted=promoted / count,
        seconds=quantile(times, 0.5 * count / len(times)) if 2 * len(times) >= count and times else None,
        exposed=exposed,
        times=tuple(times),
    )


def exposure(walked: Walk, traffic: Traffic, leg: int) -> float:
    """About how many requests the candidate answered from a leg on."""
    return sum(traffic.rps * stay.leg.weight / 100.0 * (stay.ended - stay.entered) for stay in walked.stays[leg:])


def quantile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of them does not exceed."""
    return ordered[min(len(ordered), max(1, math.ceil(share * len(ordered)))) - 1]
