"""The walk that `headgate plan` simulates takes the steps that the operator takes on the same traffic."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from headgate.analysis.dispersion import Baseline
from headgate.analysis.intervals import Counts, Interval
from headgate.analysis.walk import Leg, Walk, course_of, walk
from headgate.api.status import Mark
from tests.simulation.operator import CHECK
from tests.simulation.proxy import SCRAPE
from tests.simulation.world import World, resting

GOOD = {"shop:1": 0.002, "shop:2": 0.002}
BAD = {"shop:1": 0.002, "shop:2": 0.1}
LATER = CHECK + 2 * SCRAPE
"""A verdict of the operator waits for scrapes, and for its next check."""
PHASES = ("Succeeded", "RolledBack", "Paused", "Stalled")
CAUTIOUS = [{"setWeight": weight, "hold": {"min": "20s", "max": "5m"}} for weight in (10, 50)]
QUICK = [{"setWeight": weight, "hold": {"min": "30s", "advance": "WhenNotBad"}} for weight in (10, 100)]
GROWING = [{"setWeight": "Auto", "between": {"min": 5, "max": 40}, "hold": {"max": "4m"}}]
PAUSED = [{"setWeight": 20, "hold": {"max": "4m"}}, {"pause": {"duration": "2m"}}, {"setWeight": 50}]


@dataclass
class Recorded:
    """What the operator counted in a release, as the traffic of a walk; in each leg followed by silence."""

    found: tuple[Interval, ...]
    begin: float

    def intervals(self, since: float, leg: Leg) -> Iterator[Interval]:
        end = since
        for one in self.found:
            if (one.step, one.weight) == (leg.step, leg.weight) and one.start - self.begin >= since - CHECK:
                end = one.end - self.begin
                yield replace(one, start=one.start - self.begin, end=end)
        while True:
            yield Interval(end, end + CHECK, Counts(), Counts(), leg.step, leg.weight)
            end += CHECK


def released(world: World) -> tuple[tuple[Interval, ...], tuple[Mark, ...]]:
    """The intervals and the changes of weight of a release that the operator carries to its end."""
    world.user_releases("shop:2")
    intervals, marks = world.operator.metrics.intervals, tuple[Mark, ...]()
    for _ in range(3600):
        world.advance(1)
        progress = world.status.progress
        if progress and progress.marks:
            intervals, marks = world.operator.metrics.intervals, progress.marks
        if marks and world.status.phase in PHASES:
            return intervals, marks
    raise AssertionError(world.told())


def walked(world: World, intervals: tuple[Interval, ...], marks: tuple[Mark, ...]) -> Walk:
    """The walk of the same release on what the operator counted."""
    assert world.release.spec is not None
    course = course_of(world.release.spec, marks[0].until - marks[0].at)
    return walk(course, Recorded(intervals, marks[0].at), Baseline())


@pytest.mark.parametrize(
    ("rates", "rate", "spec", "phase", "ending"),
    [
        pytest.param(GOOD, 100, {"steps": CAUTIOUS}, "Succeeded", "Promoted", id="proven safe"),
        pytest.param(BAD, 50, {"steps": CAUTIOUS}, "RolledBack", "RolledBack", id="bad"),
        pytest.param(GOOD, 100, {"steps": GROWING}, "Succeeded", "Promoted", id="growing"),
        pytest.param(BAD, 50, {"steps": GROWING}, "RolledBack", "RolledBack", id="growing and bad"),
        pytest.param(GOOD, 50, {"steps": QUICK}, "Succeeded", "Promoted", id="not bad"),
        pytest.param(GOOD, 50, {"steps": PAUSED}, "Succeeded", "Promoted", id="with a pause"),
        pytest.param(GOOD, 2, {"steps": CAUTIOUS}, "Paused", "Waiting", id="little traffic"),
        pytest.param(
            GOOD, 2, {"steps": CAUTIOUS, "analysis": {"onInconclusive": "Rollback"}}, "RolledBack", "Inconclusive",
            id="little traffic, rolled back",
        ),
        pytest.param(
            GOOD, 2, {"steps": CAUTIOUS, "analysis": {"onInconclusive": "Advance"}}, "Succeeded", "Promoted",
            id="little traffic, goes on",
        ),
        pytest.param(
            {"shop:1": 0.1, "shop:2": 0.1}, 50, {"steps": CAUTIOUS, "analysis": {"errors": {"max": "1%"}}}, "Stalled",
            "Blind", id="stable fails too",
        ),
    ],
)  # fmt: skip
def test_a_walk_ends_as_the_operator_does_and_takes_as_long(
    rates: dict[str, float], rate: int, spec: dict[str, Any], phase: str, ending: str
) -> None:
    world = resting(**spec)
    world.proxy.error_rates, world.proxy.rate = rates, rate

    intervals, marks = released(world)
    found = walked(world, intervals, marks)

    assert (world.status.phase, found.ending) == (phase, ending), world.told()
    for place, (mark, stay) in enumerate(zip(marks[1:], found.stays, strict=False), 1):
        operator = mark.at - marks[0].at
        print(f"{stay.leg.title} ended after {operator:.0f} s for the operator, after {stay.ended:.0f} s in the walk")
        assert -1.0 <= operator - stay.ended <= place * LATER
