"""Releases of nothing new, made of recorded traffic: whatever they are rolled back for is a false alarm."""

import math
import random
from dataclasses import replace
from statistics import fmean

import pytest

from headgate.analysis.backtest import Backtest, Pretended, Recording, Trial, backtest, recording_of, spread, thinned
from headgate.analysis.chance import seeded
from headgate.analysis.intervals import Counts
from headgate.analysis.policy import Policy, Tolerance
from headgate.analysis.walk import Leg, Walk
from tests.unit.analysis.releases import START, course, recorded

pytestmark = pytest.mark.slow

QUICK = course({"setWeight": 10}, {"setWeight": 50})
BEGIN, END = START + 3600.0, START + 5.5 * 3600.0
HALF = Leg(1, "weight 50", 50, 0.0, 600.0, "WhenSafe")


def of_one_proxy(rng: random.Random, rps: float = 20.0) -> Recording:
    return recording_of({"proxy": recorded(rng, rps=lambda _: rps)}, 15.0, pods=False)


def of_pods(rng: random.Random, count: int = 4, burst: float = 1.0) -> Recording:
    pods = {name: recorded(rng, pod=name, rps=lambda _: 25.0, burst=burst) for name in map(str, range(count))}
    return recording_of(pods, 15.0, pods=True)


class TestRecording:
    def test_it_holds_what_stable_did_by_interval(self, rng: random.Random) -> None:
        recording = of_one_proxy(rng)

        assert recording.length == 15.0
        assert len(recording.between(BEGIN, BEGIN + 600)) == 40
        assert fmean(recording.total[start].requests for start in recording.starts) == pytest.approx(300, rel=0.02)

    def test_scrapes_rarer_than_checks_make_it_coarser(self, rng: random.Random) -> None:
        thin = [replace(one, samples=one.samples[::4]) for one in recorded(rng)]

        assert recording_of({"proxy": thin}, 15.0, pods=False).length == 60.0

    def test_it_knows_stable_as_a_release_at_that_moment_would(self, rng: random.Random) -> None:
        found = of_pods(rng, burst=4.0).baseline(BEGIN)

        assert found.errors == pytest.approx(4.0, rel=0.4)
        assert found.counts.requests == pytest.approx(100 * 3540, rel=0.02)

    def test_nothing_recorded_is_a_recording_too(self) -> None:
        assert recording_of({}, 15.0, pods=False).starts == ()


class TestPretended:
    @pytest.mark.parametrize("weight", [5, 25, 50, 70])
    def test_the_candidate_gets_its_weight_and_stable_the_rest(self, weight: int, rng: random.Random) -> None:
        recording, leg = of_pods(rng), Leg(1, "", weight, 0.0, 600.0, "WhenSafe")

        intervals = list(Pretended(recording, BEGIN, seeded(1)).intervals(0.0, leg))

        shares = [one.candidate.requests / (one.candidate + one.stable).requests for one in intervals]
        assert fmean(shares) == pytest.approx(weight / 100, abs=0.01)
        for one in intervals:
            assert one.candidate + one.stable == recording.total[BEGIN + one.start]

    def test_with_all_traffic_there_is_no_stable(self, rng: random.Random) -> None:
        leg = Leg(1, "", 100, 0.0, 600.0, "Time")

        first = next(Pretended(of_one_proxy(rng), BEGIN, seeded(1)).intervals(0.0, leg))

        assert first.stable == Counts()

    def test_whole_pods_keep_bursts_together(self, rng: random.Random) -> None:
        """With half of four pods no request is split from its neighbours: the candidate is two of them."""
        recording = of_pods(rng, burst=10.0)

        intervals = list(Pretended(recording, BEGIN, seeded(1)).intervals(0.0, HALF))

        assert {one.candidate.errors % 10 for one in intervals} == {0}

    def test_a_pod_that_no_longer_serves_is_not_chosen(self, rng: random.Random) -> None:
        gone = recorded(rng, hours=0.5, pod="gone")
        recording = recording_of({"gone": gone, "there": recorded(rng, pod="there")}, 15.0, pods=True)

        first = next(Pretended(recording, BEGIN, seeded(1)).intervals(0.0, HALF))

        assert first.candidate.requests > 0

    def test_thinned_counts_are_possible(self, rng: random.Random) -> None:
        whole = Counts(100, 7, 90, 20)

        parts = [thinned(rng, whole, share) for share in (0.0, 0.3, 0.999) for _ in range(50)]

        assert all(part.errors <= 7 and part.slow <= 20 and part.timed <= 90 for part in parts)
        assert parts[0] == Counts()


class TestBacktest:
    def test_good_releases_are_hardly_ever_rolled_back(self, rng: random.Random) -> None:
        found = backtest(QUICK, of_pods(rng), spread(BEGIN, END, 60))

        print(f"{found.count('RolledBack')} of {len(found.finished)} rolled back")
        assert len(found.finished) == 60
        assert found.false_share[1] <= 0.01

    def test_a_policy_that_tolerates_nothing_shows_false_rollbacks(self, rng: random.Random) -> None:
        """Forty errors at once, taken as independent: that the test can fail is shown here."""
        careless = replace(QUICK, policy=Policy(bad=Tolerance(1.0, 0.0), dispersion=1.0))

        found = backtest(careless, of_pods(rng, burst=40.0), spread(BEGIN, END, 60))

        assert found.false_share[1] > 0.01
        assert all("failed" in one.walked.reason for one in found.trials if one.walked.ending == "RolledBack")

    def test_where_nothing_is_proven_a_person_lets_it_go_on(self, rng: random.Random) -> None:
        found = backtest(QUICK, of_one_proxy(rng, rps=0.5), spread(BEGIN, END, 10))

        assert found.count("Promoted") == 10
        assert found.unproven(1) == (10, 10)

    def test_releases_that_the_history_does_not_see_the_end_of_do_not_count(self, rng: random.Random) -> None:
        found = backtest(QUICK, of_one_proxy(rng), [BEGIN, START + 6 * 3600 - 60])

        assert len(found.finished) == 1

    def test_the_same_history_gives_the_same_answer(self, rng: random.Random) -> None:
        recording = of_pods(rng)

        first, second = (backtest(QUICK, recording, spread(BEGIN, END, 10)) for _ in range(2))

        assert first == second

    def test_of_no_release_nothing_is_known(self) -> None:
        unfinished = Backtest((Trial(0.0, Walk("Unfinished", ())),))

        assert unfinished.false_share == (0.0, 0.0, 1.0)
        assert math.isclose(unfinished.trials[0].ended, 0.0)


def test_releases_begin_at_equal_distances() -> None:
    assert spread(100.0, 200.0, 4) == (100.0, 125.0, 150.0, 175.0)
