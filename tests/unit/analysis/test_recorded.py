"""Releases found in recorded series of a candidate, and what the policy says of them check by check."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from headgate.analysis.recorded import Episode, episodes, title_at
from headgate.analysis.samples import Series
from headgate.analysis.walk import Course
from headgate.api.status import Mark
from tests.unit.analysis.releases import START, course, recorded

HOUR = 3600.0
DEFAULT = course()


@dataclass(frozen=True)
class Phase:
    """From `begin` on (seconds since START) the candidate has `weight` percent, until the next phase."""

    begin: float
    weight: float


def share(at: float, phases: Sequence[Phase]) -> float:
    return next((phase.weight / 100.0 for phase in reversed(phases) if phase.begin <= at), 0.0)


def history(
    rng: random.Random, *phases: Phase, rps: float = 100.0, candidate_errors: float = 0.005, hours: float = 4.0
) -> list[Series]:
    return [
        *recorded(rng, rps=lambda at: rps * (1.0 - share(at, phases)), hours=hours),
        *recorded(
            rng,
            rps=lambda at: rps * share(at, phases),
            errors=lambda _: candidate_errors,
            arm="candidate",
            hours=hours,
        ),
    ]


WHOLE = (Phase(2 * HOUR, 5), Phase(2 * HOUR + 300, 25), Phase(2 * HOUR + 600, 50), Phase(2 * HOUR + 900, 0))


def found_in(series: Sequence[Series], release: Course = DEFAULT, marks: Sequence[Mark] = ()) -> list[Episode]:
    return list(episodes(series, release, START, START + 4 * HOUR, marks))


def test_a_release_is_found_with_its_begin_its_end_and_its_weights(rng: random.Random) -> None:
    (found,) = found_in(history(rng, *WHOLE))

    assert found.begin == pytest.approx(START + 2 * HOUR, abs=30)
    assert found.end == pytest.approx(START + 2 * HOUR + 900, abs=30)
    assert [(mark.weight, mark.step) for mark in found.marks] == [(5, 1), (25, 2), (50, 3)]
    for mark, phase in zip(found.marks, WHOLE, strict=False):
        assert mark.at == pytest.approx(START + phase.begin, abs=30)


@pytest.mark.parametrize("rps", [3.0, 1000.0])
def test_weights_are_read_from_little_and_from_much_traffic(rps: float, rng: random.Random) -> None:
    (found,) = found_in(history(rng, *WHOLE, rps=rps))

    weights = [mark.weight for mark in found.marks]
    assert weights == sorted(weights)
    assert weights[-1] == 50
    assert len(weights) <= 3


def test_a_switch_of_all_traffic_is_read_as_one(rng: random.Random) -> None:
    blue_green = course(strategy="BlueGreen")

    (found,) = found_in(history(rng, Phase(2 * HOUR, 100), Phase(2 * HOUR + 600, 0)), blue_green)

    assert [mark.weight for mark in found.marks] == [100]
    assert title_at(blue_green, found.checks[0].interval) == "weight 100"


def test_a_bad_candidate_would_have_been_rolled_back(rng: random.Random) -> None:
    (found,) = found_in(history(rng, *WHOLE, candidate_errors=0.1))

    assert found.found is not None
    assert found.found.interval.step == 1
    assert found.found.interval.end - found.begin <= 120
    assert 0 < found.exposed < found.checks[-1].requests
    assert "times the tolerated rate" in found.found.judgement.reason


def test_a_good_candidate_would_not(rng: random.Random) -> None:
    (found,) = found_in(history(rng, *WHOLE))

    assert found.found is None
    assert [check.judgement.verdict for check in found.checks][-1] == "Safe"
    assert found.exposed == pytest.approx(100 * 300 * (0.05 + 0.25 + 0.5), rel=0.1)


def test_two_releases_are_told_apart_by_the_time_between_them(rng: random.Random) -> None:
    later = (Phase(3 * HOUR, 5), Phase(3 * HOUR + 400, 0))

    assert len(found_in(history(rng, *WHOLE, *later))) == 2


def test_a_release_outside_of_the_time_asked_for_is_left_out(rng: random.Random) -> None:
    series = history(rng, *WHOLE)

    assert list(episodes(series, DEFAULT, START, START + HOUR)) == []


def test_where_nothing_of_a_candidate_is_recorded_there_is_no_release(rng: random.Random) -> None:
    assert found_in(recorded(rng)) == []


def test_what_the_status_knows_of_the_weights_is_believed(rng: random.Random) -> None:
    marks = [
        Mark(at=START + 2 * HOUR - 3, until=START + 2 * HOUR + 2, weight=5, step=1),
        Mark(at=START + 2 * HOUR + 400, until=START + 2 * HOUR + 405, weight=50, step=3),
    ]

    (found,) = found_in(history(rng, *WHOLE), marks=marks)

    assert found.marks == tuple(marks)


@pytest.mark.slow
def test_a_very_long_release_is_judged_at_every_few_checks_and_where_the_verdict_changes(rng: random.Random) -> None:
    phases = (Phase(HOUR, 5), Phase(3 * HOUR, 0))

    (found,) = found_in(history(rng, *phases, rps=30.0))

    assert len(found.checks) <= 250
    verdicts = [check.judgement.verdict for check in found.checks]
    assert (verdicts[0], verdicts[-1]) == ("NotEnough", "Safe")
    assert found.exposed == pytest.approx(30 * 0.05 * 2 * HOUR, rel=0.05)
