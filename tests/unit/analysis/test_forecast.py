"""What a release would do on a service's traffic, and the advice that follows from it."""

import math
from collections.abc import Iterator
from typing import Any

import pytest

from headgate.analysis.advice import advise, proof_seconds
from headgate.analysis.chance import seeded
from headgate.analysis.dispersion import Baseline
from headgate.analysis.forecast import Fault, Forecast, Simulated, Traffic, forecast, quantile
from headgate.analysis.intervals import Counts
from headgate.analysis.walk import Course, Leg
from tests.unit.analysis.releases import course

pytestmark = pytest.mark.slow

BUSY = Traffic(rps=200.0, errors=0.005)
QUIET = Traffic(rps=2.0, errors=0.005)
LEG = Leg(1, "weight 10", 10, 60.0, 600.0, "WhenSafe")


@pytest.fixture(scope="module")
def busy() -> Forecast:
    """The default steps on a busy service."""
    return foreseen(BUSY)


@pytest.fixture(scope="module")
def quiet() -> Forecast:
    """The default steps on a quiet service."""
    return foreseen(QUIET, releases=10)


def foreseen(traffic: Traffic, release: Course | None = None, releases: int = 20) -> Forecast:
    return forecast(release or course(), traffic, releases=releases)


def sentences(traffic: Traffic, release: Course) -> str:
    return "\n".join(advise(foreseen(traffic, release, releases=10)).sentences)


class TestForecast:
    def test_on_a_busy_service_good_versions_are_promoted_and_bad_ones_found(self, busy: Forecast) -> None:
        assert busy.promoted == 1.0
        assert [one.leg.title for one in busy.passages] == ["weight 5", "weight 25", "weight 50", "promotion"]
        assert {one.fault.factor for one in busy.detections} == {2.0, 5.0, 20.0}
        assert all(one.found == 1.0 for one in busy.detections if one.fault.factor >= 5)

    def test_worse_versions_are_found_sooner_and_expose_fewer_requests(self, busy: Forecast) -> None:
        x5, x20 = (next(one for one in busy.detections if one.fault.factor == factor) for factor in (5.0, 20.0))

        assert x20.seconds is not None
        assert x5.seconds is not None
        assert x20.seconds <= x5.seconds
        assert x20.exposed < x5.exposed

    def test_on_a_quiet_service_a_person_is_asked_and_nobody_is_rolled_back_falsely(self, quiet: Forecast) -> None:
        assert quiet.endings == {"Waiting": 1.0}
        assert quiet.seconds is None
        assert quiet.passages[0].slowest == 605.0

    def test_the_same_question_has_the_same_answer(self, quiet: Forecast) -> None:
        assert foreseen(QUIET, releases=10) == quiet

    def test_a_version_may_turn_bad_in_any_judged_step(self, busy: Forecast) -> None:
        assert {one.fault.leg for one in busy.detections} == {0, 1, 2}

    def test_slowness_is_foreseen_where_the_release_has_an_objective_for_it(self) -> None:
        release = course({"setWeight": 50}, analysis={"latency": {"below": "300ms"}})

        found = foreseen(Traffic(100.0, 0.005, slow=0.002), release, releases=10)

        assert {one.fault.sort for one in found.detections} == {"errors", "slow"}
        assert all(one.found == 1.0 for one in found.detections if one.fault.factor == 20)

    def test_errors_in_bursts_are_found_later(self) -> None:
        calm, bursty = (
            foreseen(Traffic(50.0, 0.005, errors_phi=phi), course({"setWeight": 20}), releases=20) for phi in (1.0, 5.0)
        )

        x5 = [next(one for one in found.detections if one.fault.factor == 5) for found in (calm, bursty)]
        assert x5[0].exposed < x5[1].exposed

    def test_the_progress_of_the_work_is_told_to_its_end(self) -> None:
        told = list[tuple[int, int]]()

        forecast(course({"setWeight": 50}), BUSY, releases=10, said=lambda done, of: told.append((done, of)))

        assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def counted(traffic: Traffic, fault: Fault | None = None, checks: int = 400) -> dict[str, float]:
    """Shares of bad requests in simulated traffic."""
    feed = Simulated(traffic, 15.0, (LEG,), seeded(1), fault)
    intervals = [one for one, _ in zip(_of(feed), range(checks), strict=False)]
    candidate, stable = ([getattr(one, arm) for one in intervals] for arm in ("candidate", "stable"))
    requests = sum(one.requests for one in candidate), sum(one.requests for one in stable)
    return {
        "rps": sum(requests) / (15.0 * checks),
        "weight": requests[0] / sum(requests),
        "candidate": sum(one.errors for one in candidate) / requests[0],
        "stable": sum(one.errors for one in stable) / requests[1],
    }


def _of(feed: Simulated) -> Iterator[Any]:
    return feed.intervals(0.0, LEG)


class TestSimulatedTraffic:
    def test_it_has_the_services_rates(self) -> None:
        found = counted(Traffic(50.0, 0.02))

        assert found == pytest.approx({"rps": 50.0, "weight": 0.1, "candidate": 0.02, "stable": 0.02}, rel=0.06)

    def test_a_fault_is_the_candidates_alone(self) -> None:
        found = counted(Traffic(50.0, 0.02), Fault("errors", 0.1, 5.0))

        assert (found["candidate"], found["stable"]) == pytest.approx((0.1, 0.02), rel=0.06)

    def test_the_hour_before_is_known_to_the_release(self) -> None:
        assert Traffic(10.0, 0.01, slow=0.02, errors_phi=3.0).baseline == Baseline(
            counts=Counts(36_000.0, 360.0, 36_000.0, 720.0), errors=3.0
        )


class TestAdvice:
    def test_a_feasible_release_needs_no_change(self, busy: Forecast) -> None:
        advice = advise(busy)

        assert advice.feasible
        assert advice.sentences == ()

    def test_on_a_quiet_service_it_says_how_long_the_proof_takes_and_what_else_would_do(self, quiet: Forecast) -> None:
        advice = advise(quiet)

        assert not advice.feasible
        assert advice.sentences[0].startswith(
            "step 1 (weight 5): 100 % of good versions are not proven safe within 10m,"
            " and the release then waits for a person; the proof takes up to "
        )
        assert "set hold.max to " in advice.sentences[0]
        assert advice.sentences[0].endswith("set hold.advance to WhenNotBad, which goes on unproven after hold.min")

    def test_what_it_advises_makes_the_release_feasible(self) -> None:
        seconds = proof_seconds(course(), QUIET, 50)
        assert seconds is not None

        patient = course({"setWeight": 50, "hold": {"max": f"{math.ceil(seconds)}s"}})

        assert advise(foreseen(QUIET, patient, releases=40)).feasible

    def test_it_names_the_smallest_weight_at_which_the_proof_fits(self) -> None:
        text = sentences(Traffic(20.0, 0.005), course({"setWeight": 5, "hold": {"max": "12m"}}))

        assert "or raise its weight to " in text

    @pytest.mark.parametrize(("weight", "analysis", "traffic", "words"), [
        (20, {"errors": {"max": "0.5%"}}, BUSY,
         "stable itself fails 0.50%, too near analysis.errors.max (0.50%): set it to 1.5% or more"),
        (20, {"latency": {"below": "1s"}}, Traffic(200.0, 0.001, slow=0.012),
         "1.2% of stable's own requests are slow, too near analysis.latency.objective (99% fast): lower the objective"),
        (20, {}, Traffic(0.0, 0.0), "the service has no traffic: nothing can be compared"),
        (100, {}, Traffic(0.05, 0.0), "there is no stable beside it and no objective: set spec.analysis.errors.max"),
    ])  # fmt: skip
    def test_it_says_why_no_amount_of_traffic_proves_it(
        self, weight: int, analysis: dict[str, Any], traffic: Traffic, words: str
    ) -> None:
        assert words in sentences(traffic, course({"setWeight": weight}, analysis=analysis))

    def test_a_release_that_lets_the_worst_pass_is_not_feasible(self) -> None:
        blind = course({"setWeight": 5, "hold": {"min": "15s", "advance": "WhenNotBad"}})

        advice = advise(foreseen(Traffic(1.0, 0.001), blind))

        assert not advice.feasible
        assert "of versions that fail 20 times as often would be promoted" in advice.sentences[-1]


@pytest.mark.parametrize(("share", "value"), [(0.0, 1), (0.5, 2), (0.51, 3), (0.9, 4), (1.0, 4)])
def test_a_quantile_is_one_of_the_values(share: float, value: float) -> None:
    assert quantile([1, 2, 3, 4], share) == value
