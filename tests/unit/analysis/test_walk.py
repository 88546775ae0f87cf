"""What a spec's steps become, and how a release is walked through them on given traffic.

That the operator does the same is shown by tests/simulation/test_walk.py.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from headgate.analysis.dispersion import Baseline
from headgate.analysis.intervals import Counts, Interval
from headgate.analysis.walk import Leg, walk
from tests.unit.analysis.releases import course

CALM = Counts(200, 1)


@dataclass
class Steady:
    """Fifteen-second checks of the same counts; from step `bad_from` on the candidate fails one in ten."""

    candidate: Counts = CALM
    bad_from: int = 99
    ends: float = 1e9

    def intervals(self, since: float, leg: Leg) -> Iterator[Interval]:
        while since < self.ends:
            candidate = Counts(200, 20) if leg.step >= self.bad_from else self.candidate
            yield Interval(since, since + 15, Counts(1800, 9), candidate, leg.step, leg.weight, aligned=True)
            since += 15


def test_the_steps_end_with_a_promotion() -> None:
    found = course()

    assert [(leg.step, leg.title, leg.weight) for leg in found.legs] == [
        (1, "weight 5", 5), (2, "weight 25", 25), (3, "weight 50", 50), (3, "promotion", 100),
    ]  # fmt: skip
    assert [(leg.shortest, leg.longest, leg.ends) for leg in found.legs] == [
        (60, 600, "WhenSafe"), (120, 600, "WhenSafe"), (120, 600, "WhenSafe"), (35, 35, "Time"),
    ]  # fmt: skip


def test_a_pause_keeps_the_weight_and_a_persons_approval_takes_no_time() -> None:
    found = course({"pause": {}}, {"setWeight": 20}, {"pause": {"duration": "2m"}})

    assert [(leg.weight, leg.shortest, leg.ends) for leg in found.legs[:-1]] == [
        (0, 0, "Time"), (20, 0, "WhenSafe"), (20, 120, "Time"),
    ]  # fmt: skip


def test_what_the_spec_says_of_settling_and_baking_counts() -> None:
    found = course(traffic={"settle": "20s"}, bake="5m")

    assert (found.settle, found.legs[-1].shortest) == (20.0, 320.0)


def test_a_good_version_is_promoted_and_each_step_ends_when_it_is_proven_safe() -> None:
    found = walk(course(), Steady(), Baseline())

    assert found.ending == "Promoted"
    assert [stay.verdict for stay in found.stays[:3]] == ["Safe"] * 3
    assert all(60 <= stay.ended - stay.began <= 600 for stay in found.stays[:3])
    assert found.seconds == found.stays[-1].ended


@pytest.mark.parametrize("step", [1, 3])
def test_a_bad_version_is_rolled_back_in_the_step_in_which_it_turns_bad(step: int) -> None:
    found = walk(course(), Steady(bad_from=step), Baseline())

    assert (found.ending, found.stays[-1].leg.step) == ("RolledBack", step)
    assert found.stays[-1].ended - found.stays[-1].began <= 60
    assert "times the tolerated rate" in found.reason


def test_a_version_that_turns_bad_in_the_promotion_is_taken_back() -> None:
    limited = course({"setWeight": 50}, analysis={"errors": {"max": "1%"}}, bake="5m")

    found = walk(limited, _BadAtFullWeight(), Baseline())

    assert (found.ending, found.stays[-1].leg.title) == ("RolledBack", "promotion")


class _BadAtFullWeight(Steady):
    def intervals(self, since: float, leg: Leg) -> Iterator[Interval]:
        for one in super().intervals(since, leg):
            yield one if leg.weight < 100 else Interval(one.start, one.end, Counts(), Counts(200, 20), leg.step, 100)


@pytest.mark.parametrize(("decides", "ending"), [
    ("Hold", "Waiting"), ("Advance", "Promoted"), ("Rollback", "Inconclusive"),
])  # fmt: skip
def test_where_nothing_is_proven_the_policy_decides_at_the_steps_max(decides: str, ending: str) -> None:
    found = walk(course(analysis={"onInconclusive": decides}), Steady(candidate=Counts(1, 0)), Baseline())

    assert found.ending == ending
    assert found.stays[0].ended - found.stays[0].began == 600


def test_a_person_may_approve_what_is_not_proven() -> None:
    release = course()

    found = walk(release, Steady(candidate=Counts(1, 0)), Baseline(), approved=len(release.legs))

    assert found.ending == "Promoted"


def test_when_not_bad_goes_on_after_its_min() -> None:
    found = walk(
        course({"setWeight": 10, "hold": {"min": "50s", "advance": "WhenNotBad"}}), Steady(Counts(1, 0)), Baseline()
    )

    assert (found.ending, found.stays[0].ended - found.stays[0].began) == ("Promoted", 50)


def test_nothing_goes_on_before_three_checks_were_counted() -> None:
    """Given a min that is over before a version that always fails could have shown it."""
    found = walk(
        course({"setWeight": 10, "hold": {"min": "5s", "advance": "WhenNotBad"}}), Steady(Counts(1, 0)), Baseline()
    )

    assert found.stays[0].ended - found.stays[0].began == 45


def test_without_a_verdict_the_release_stalls_and_is_never_rolled_back() -> None:
    """Stable itself breaks the objective."""
    found = walk(course(analysis={"errors": {"max": "0.1%"}}), Steady(), Baseline())

    assert found.ending == "Blind"


def test_without_analysis_only_time_counts() -> None:
    found = walk(course(analysis={"enabled": False}), Steady(bad_from=1), Baseline())

    assert (found.ending, found.stays[0].ended - found.stays[0].began) == ("Promoted", 60)


def test_traffic_that_ends_leaves_the_release_unfinished() -> None:
    assert walk(course(), Steady(ends=100), Baseline()).ending == "Unfinished"


def test_an_auto_weight_doubles_as_soon_as_the_candidate_is_likely_fine() -> None:
    """Given a service whose proof at a weight takes minutes, and whose odds reach 3 : 1 much sooner."""
    growing, fixed = course({"setWeight": "Auto", "between": {"min": 5, "max": 40}}), course({"setWeight": 5})

    grown, held = walk(growing, Steady(), Baseline()), walk(fixed, Steady(), Baseline())

    assert [stay.leg.weight for stay in grown.stays] == [5, 10, 20, 40, 100]
    assert grown.ending == held.ending == "Promoted"
    first, proven = (one.stays[0].ended - one.stays[0].began for one in (grown, held))
    assert first < proven


def test_an_auto_weight_that_shows_nothing_grows_at_its_max_until_the_last() -> None:
    found = walk(
        course({"setWeight": "Auto", "between": {"min": 10, "max": 20}, "hold": {"max": "1m"}}),
        Steady(candidate=Counts(2, 0)),
        Baseline(),
    )

    assert [(stay.leg.weight, stay.ended - stay.began) for stay in found.stays] == [(10, 60.0), (20, 60.0)]
    assert found.ending == "Waiting"
