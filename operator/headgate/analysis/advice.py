"""Whether a release can do its work on a service's traffic, and what to change where it can't."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import takewhile

from headgate.analysis import wording
from headgate.analysis.chance import seeded
from headgate.analysis.forecast import SEED, Forecast, Passage, Simulated, Traffic, quantile
from headgate.analysis.intervals import Interval
from headgate.analysis.objective import FULL, objectives_of
from headgate.analysis.running import Running
from headgate.analysis.walk import Course, Leg
from headgate.api.fields import format_duration

ENOUGH = 0.9
"""A release is feasible when this share of good versions is promoted without a person's help, and no more than the rest
of versions that fail 20 times as often."""
_DAY = 86400.0
_TRIALS = 40
_LOOKS = 50
_PATIENCE = 5
_NEAR = 0.5
"""From this share of an objective on, stable's own rate makes a proof slow or impossible."""
_WEIGHTS = (10, 15, 20, 25, 30, 40, 50)


@dataclass(frozen=True)
class Advice:
    """What to make of a forecast."""

    feasible: bool
    sentences: tuple[str, ...]
    """What keeps the release from its work and what to change; also what is worth knowing of a feasible one."""


def advise(forecast: Forecast) -> Advice:
    """The advice for a forecast."""
    worst = max(one.fault.factor for one in forecast.detections)
    first = min(one.fault.leg for one in forecast.detections)
    missed = max(one.promoted for one in forecast.detections if one.fault.factor == worst and one.fault.leg == first)
    sentences = [*_slow_steps(forecast)]
    if missed > 1.0 - ENOUGH:
        sentences.append(_blind(worst, missed))
    feasible = forecast.promoted >= ENOUGH and missed <= 1.0 - ENOUGH
    return Advice(feasible, tuple(sentences))


def _slow_steps(forecast: Forecast) -> Iterator[str]:
    """One sentence for each step whose proof takes longer than it may."""
    for passage in forecast.passages:
        leg = passage.leg
        if leg.ends == "WhenSafe" and passage.safe < ENOUGH and forecast.course.analysis.enabled:
            yield f"step {leg.step} ({leg.title}): {_slow(forecast, passage)}"


def _slow(forecast: Forecast, passage: Passage) -> str:
    course, traffic, leg = forecast.course, forecast.traffic, passage.leg
    happens = {"Hold": "waits for a person", "Advance": "goes on unproven", "Rollback": "is rolled back"}
    start = (
        f"{100 * (1 - passage.safe):.0f} % of good versions are not proven safe within {format_duration(leg.longest)},"
        f" and the release then {happens[course.analysis.on_inconclusive]}"
    )
    proof = proof_seconds(course, traffic, leg.weight)
    if proof is None:
        return f"{start}; {_never(course, traffic, leg)}"
    changes = [] if proof > _DAY else [f"set hold.max to {rounded_up(proof)}"]
    changes += list(_heavier(course, traffic, leg))
    changes.append("set hold.advance to WhenNotBad, which goes on unproven after hold.min")
    rate = wording.rounded(traffic.rps * leg.weight / 100.0)
    took = f"the proof takes up to {rounded_up(proof)} at {leg.weight} % ({rate} requests a second)"
    return f"{start}; {took}: {'; or '.join(changes)}"


def _heavier(course: Course, traffic: Traffic, leg: Leg) -> Iterator[str]:
    """The smallest heavier weight at which the proof fits into the step's time."""
    for weight in _WEIGHTS:
        expected = _expected_seconds(course, traffic, weight)
        if weight > leg.weight and expected is not None and expected <= leg.longest:
            proof = proof_seconds(course, traffic, weight)
            if proof is not None and proof <= leg.longest:
                yield f"raise its weight to {weight}, where the proof takes up to {rounded_up(proof)}"
                return


def _never(course: Course, traffic: Traffic, leg: Leg) -> str:
    """Why no amount of traffic proves it, and what to do."""
    analysis = course.analysis
    limit = analysis.errors.max if analysis.errors else None
    if not traffic.rps:
        return "the service has no traffic: nothing can be compared; use hold.advance: WhenNotBad, or a pause"
    if limit is not None and traffic.errors >= _NEAR * limit:
        enough = _rounded_percent(traffic.errors / _NEAR * 1.5)
        return (
            f"stable itself fails {wording.percent(traffic.errors)}, too near analysis.errors.max"
            f" ({wording.percent(limit)}): set it to {enough} or more, or leave it out and compare with stable alone"
        )
    if analysis.latency and traffic.slow is not None:
        return (
            f"{wording.percent(traffic.slow)} of stable's own requests are slow, too near analysis.latency.objective"
            f" ({wording.percent(analysis.latency.objective)} fast): lower the objective, or choose a higher bound"
        )
    if leg.weight == FULL:
        return "there is no stable beside it and no objective: set spec.analysis.errors.max"
    return "the evidence does not grow: raise the weight, or set hold.advance to WhenNotBad"


def _blind(factor: float, missed: float) -> str:
    return (
        f"{100 * missed:.0f} % of versions that fail {factor:g} times as often would be promoted: give the steps"
        " hold.advance: WhenSafe or a longer hold.min, or raise the first weights"
    )


def proof_seconds(course: Course, traffic: Traffic, weight: int, releases: int = _TRIALS) -> float | None:
    """Seconds within which nine of ten good versions are proven safe at a weight; None when no traffic does it.

    The expected growth of the evidence tells how far to look, a simulation how long it takes.
    """
    expected = _expected_seconds(course, traffic, weight)
    if expected is None:
        return None
    interval, patience = max(course.analysis.interval, expected / _LOOKS), _PATIENCE * expected
    leg = Leg(1, "", weight, 0.0, math.inf, "WhenSafe")
    times = []
    for number in range(releases):
        feed = Simulated(traffic, interval, (leg,), seeded(SEED, "proof", weight, number))
        checks = takewhile(lambda check: check.end <= patience, feed.intervals(0.0, leg))
        times.append(_proven(Running(course.analysis, traffic.baseline, course.policy), leg, checks))
    slowest = quantile(sorted(times), ENOUGH)
    return slowest if math.isfinite(slowest) else None


def _expected_seconds(course: Course, traffic: Traffic, weight: int) -> float | None:
    """Seconds of traffic whose expected evidence proves a good version safe; None when no traffic does it."""
    share = traffic.rps * weight / 100.0
    found = objectives_of((), course.analysis, step=1, weight=weight, baseline=traffic.baseline, policy=course.policy)
    needed = [one.requests_needed for one in found]
    if not share or None in needed:
        return None
    return max(one for one in needed if one is not None) / share


def _proven(running: Running, leg: Leg, checks: Iterable[Interval]) -> float:
    """When a version is proven safe in a leg; infinite when it is not."""
    running.enter(leg.step, leg.weight)
    for check in checks:
        running.add(check)
        if running.verdict == "Safe":
            return check.end
    return math.inf


def rounded_up(seconds: float) -> str:
    """A duration that is easy to read and not less: in steps of 15 seconds, of a minute or of ten minutes."""
    step = 15.0 if seconds < 120 else 60.0 if seconds < 3600 else 600.0
    return format_duration(math.ceil(seconds / step) * step)


def _rounded_percent(share: float) -> str:
    return f"{max(0.01, math.ceil(1000.0 * share) / 10.0):g}%"
