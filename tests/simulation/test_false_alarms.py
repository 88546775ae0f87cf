"""The quick run of hack/bench/analysis: good releases are kept, bad ones found, as the tables of the docs say.

The seeds are frozen: the figures below are the same in every run.
"""

import math

import pytest

from bench.analysis.cells import ALPHA, SERVICES, Figures, Size
from bench.analysis.rules import Flagger, Headgate, NaiveTest
from bench.analysis.tables import detection, false_alarms, good_shares, within_bound
from bench.analysis.traffic import Scenario
from bench.analysis.vectors import agree
from headgate.analysis.policy import Policy

QUICK = Size(100)
POWER = Size(200)


def test_the_formulas_of_the_simulation_are_those_of_the_package() -> None:
    agree(Policy().bad)


def test_good_releases_are_kept_in_bursts_incidents_and_with_scrapes_apart() -> None:
    """In every cell, within what a hundred releases can tell, and in all cells together."""
    shares = good_shares(QUICK)
    cells = [share for row in shares.values() for share in row]
    together = sum(cells) / len(cells)

    print(f"\n{false_alarms(shares)}\nall together: {100 * together:.2f} %, guaranteed: at most {100 * ALPHA:g} %")
    assert len(cells) == 84
    assert within_bound(max(cells), QUICK)
    assert together <= ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / (len(cells) * QUICK.releases))


def test_a_rule_without_a_bound_breaks_it_here() -> None:
    """So that the test above can fail."""
    assert not within_bound(QUICK.play(NaiveTest(), SERVICES["100 rps, 0.5 %"]).found, QUICK)
    assert not within_bound(QUICK.play(Flagger(), SERVICES["20 rps, 1 %"]).found, QUICK)


@pytest.mark.parametrize(("service", "factor", "seconds", "exposed"), [
    ("20 rps, 0.5 %", 5.0, 285.0, 940.0),
    ("20 rps, 0.5 %", 20.0, 90.0, 111.0),
    ("100 rps, 0.5 %", 5.0, 120.0, 1038.0),
    ("100 rps, 0.5 %", 20.0, 30.0, 186.0),
    ("100 rps, 0.1 %", 5.0, 345.0, 6595.0),
    ("100 rps, 0.1 %", 20.0, 90.0, 605.0),
])  # fmt: skip
def test_bad_releases_are_found_as_soon_as_planned_and_with_as_few_requests(
    service: str, factor: float, seconds: float, exposed: float
) -> None:
    """Median seconds and mean candidate requests that the design of the method promised."""
    found = POWER.play(Headgate(), SERVICES[service].worse(factor))

    print(f"{service}, x{factor:g}: {detection(found)}")
    assert found.found >= 0.97
    assert found.median <= seconds
    assert found.exposed <= exposed


def test_a_late_regression_is_found_within_a_minute_or_two() -> None:
    bad_at = 300.0

    found = [POWER.play(Headgate(), Scenario(100, 0.005, factor, onset=60)) for factor in (5.0, 20.0)]

    assert [one.found for one in found] == [pytest.approx(1.0, abs=0.02)] * 2
    assert found[0].median - bad_at <= 90
    assert found[1].median - bad_at <= 45


def test_the_same_seed_gives_the_same_figures() -> None:
    first, second = (QUICK.play(Headgate(), Scenario(20, 0.005, 5.0)) for _ in range(2))

    assert first == second != Size(100, seed=2).play(Headgate(), Scenario(20, 0.005, 5.0))
    assert isinstance(first, Figures)
