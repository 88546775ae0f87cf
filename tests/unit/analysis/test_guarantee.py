"""What carries the bound on false rollbacks through the whole verdict, not only through one formula."""

import math
import random
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.analysis.chance import binomial
from headgate.analysis.dispersion import Baseline, baseline_of
from headgate.analysis.evidence import Pair, alarm, assurance, comparison_bets, similarity_bets
from headgate.analysis.interval_log import IntervalLog
from headgate.analysis.intervals import Counts, Interval
from headgate.analysis.policy import Policy
from headgate.analysis.running import Running
from headgate.analysis.samples import Arm, Kind, Series
from headgate.analysis.verdict import judge
from headgate.api.spec import Analysis
from headgate.api.status import Mark

pytestmark = pytest.mark.slow

ALPHA = 0.1
"""Larger than users choose, so that a broken bound shows in a few hundred releases."""
BOTH = Analysis.model_validate({"latency": {"below": "300ms", "objective": "70%"}, "confidence": "90%"})
COMPARED = Analysis.model_validate({"confidence": "90%"})
WEIGHTS = (5, 5, 10, 10, 25, 25, 25, 50, 50, 50, 50, 50)


def border(rate: float, policy: Policy) -> float:
    """The highest rate of a candidate that must not be rolled back."""
    return policy.bad.ratio * rate + policy.bad.difference


def drawn(rng: random.Random, requests: int, errors: float, slow: float) -> Counts:
    return Counts(requests, binomial(rng, requests, errors), requests, binomial(rng, requests, slow))


def called_bad(rng: random.Random, analysis: Analysis, policy: Policy, candidates: int = 1) -> bool:
    """Whether any of the candidates, all at the border of the tolerance, is ever called bad in one release.

    Weights rise, and stable's own rates wander: the bound holds for any split and for rates that vary in time.
    """
    runs = [Running(analysis, Baseline(), policy) for _ in range(candidates)]
    for place, weight in enumerate(WEIGHTS):
        errors, slow = rng.choice([0.02, 0.05, 0.2]), rng.choice([0.1, 0.2])
        stable = drawn(rng, 20 * (100 - candidates * weight // candidates) // 10, errors, slow)
        for run in runs:
            candidate = drawn(rng, 2 * weight, border(errors, policy), border(slow, policy))
            run.enter(weight, weight)
            run.add(Interval(15.0 * place, 15.0 * place + 15, stable, candidate, weight, weight, aligned=True))
            if run.verdict == "Bad":
                return True
    return False


def at_most(share: float, runs: int) -> float:
    """The bound with three standard errors of the simulation."""
    return share + 3 * math.sqrt(share * (1 - share) / runs)


@pytest.mark.parametrize("analysis", [COMPARED, BOTH], ids=["errors", "errors and latency"])
def test_of_releases_at_the_border_of_the_tolerance_at_most_alpha_are_rolled_back(
    analysis: Analysis, rng: random.Random
) -> None:
    runs = 400

    bad = sum(called_bad(rng, analysis, Policy()) for _ in range(runs)) / runs

    print(f"{100 * bad:.1f} % of {runs} releases rolled back, allowed are {100 * ALPHA:g} %")
    assert bad <= at_most(ALPHA, runs)


def test_of_three_good_candidates_beside_one_stable_at_most_alpha_lose_any(rng: random.Random) -> None:
    runs = 300

    bad = sum(called_bad(rng, COMPARED, Policy(candidates=3), candidates=3) for _ in range(runs)) / runs

    print(f"{100 * bad:.1f} % of {runs} releases of three lost one, allowed are {100 * ALPHA:g} %")
    assert bad <= at_most(ALPHA, runs)


def checks(candidate: Counts, count: int = 8) -> list[Interval]:
    return [
        Interval(15.0 * place, 15.0 * place + 15, Counts(1800, 9, 1800, 9), candidate, 1, 5, aligned=True)
        for place in range(count)
    ]


def test_a_bad_candidate_among_several_is_bad_alone() -> None:
    policy = Policy(candidates=3)

    verdicts = [
        judge(checks(Counts(100, errors)), Analysis(), step=1, weight=5, policy=policy).verdict for errors in (0, 12, 1)
    ]

    assert verdicts == ["Safe", "Bad", "NotEnough"]


def test_each_of_several_candidates_needs_as_many_times_the_odds() -> None:
    found = judge(checks(Counts(100, 1)), Analysis(), step=1, weight=5, policy=Policy(candidates=3))

    assert found.log_needed == pytest.approx(math.log(300))
    assert found.evidence[0].needed == "300"


def samples(rng: random.Random, identity: str, arm: Arm, kind: Kind, rate: float, pod: str) -> Series:
    """Half an hour before the release and half an hour of it."""
    value, values = 0.0, []
    for at in range(-1800, 1800, 15):
        value += binomial(rng, 300, rate)
        values.append((10_000.0 + at, value))
    return Series(identity, arm, kind, tuple(values), pod=pod)


def test_names_of_pods_and_series_and_their_order_say_nothing(rng: random.Random) -> None:
    """Relabelled, the same samples give the same evidence to the last bit."""
    kinds: list[tuple[Kind, float]] = [("served", 0.9), ("failed", 0.02)]
    series = [
        samples(rng, f"{arm}-{pod}-{kind}", arm, kind, rate, pod)
        for arm in ("stable", "candidate")
        for pod in ("one", "two", "three")
        for kind, rate in kinds
    ]
    order = {"one": "zebra", "two": "apple", "three": "mango"}
    renamed = [replace(one, identity=one.identity[::-1], pod=order[one.pod]) for one in reversed(series)]
    mark = Mark(at=10_000.0, until=10_000.0, weight=50, step=1)

    found = [
        judge(
            IntervalLog(15.0, (mark,)).extend(these).intervals,
            Analysis(),
            step=1,
            weight=50,
            baseline=baseline_of(these, since=10_000.0, interval=15.0),
        )
        for these in (series, renamed)
    ]

    assert found[0] == found[1]
    assert found[0].evidence[0].requests > 50_000


def test_errors_and_slow_requests_are_the_same_to_the_evidence() -> None:
    """Exchanged, the two objectives exchange their evidence."""
    errors = [Interval(k, k + 1, Counts(900, 9, 900, 20), Counts(100, 4, 100, 3), 1, 10) for k in range(20)]
    swapped = [replace(one, stable=Counts(900, 20, 900, 9), candidate=Counts(100, 3, 100, 4)) for one in errors]

    same = Analysis.model_validate({"errors": {"max": "1%"}, "latency": {"below": "300ms", "objective": "99%"}})
    one, other = (judge(these, same, step=1, weight=10).evidence for these in (errors, swapped))

    assert [found.e_value for found in one] == [found.e_value for found in reversed(other)]


pairs = st.builds(
    lambda n, m, x, y: Pair(float(min(x, n)), float(n), float(min(y, m)), float(m)),
    st.integers(1, 200), st.integers(1, 2000), st.integers(0, 30), st.integers(0, 60),
)  # fmt: skip


@given(st.lists(pairs, min_size=1, max_size=20), st.integers(0, 19), st.booleans())
def test_one_more_error_of_the_candidate_is_never_less_evidence(history: list[Pair], place: int, aligned: bool) -> None:
    place %= len(history)
    if history[place].x >= history[place].n:
        return
    worse = [pair._replace(x=pair.x + (at == place)) for at, pair in enumerate(history)]
    policy, most, together = Policy(), math.log(100) / 2, [aligned] * len(history)

    against = [
        alarm([comparison_bets(p, policy.bad) for p in these], most, together).log_e for these in (history, worse)
    ]
    for_it = [assurance([similarity_bets(p, policy.safe) for p in these]) for these in (history, worse)]

    assert against[1] >= against[0] - 1e-9
    assert for_it[1] <= for_it[0] + 1e-9


def test_an_hour_of_checks_takes_milliseconds() -> None:
    """240 intervals, both objectives with a limit: the most that one check of one release has to compute."""
    analysis = Analysis.model_validate({"errors": {"max": "1%"}, "latency": {"below": "300ms"}})
    hour = checks(Counts(200, 1, 200, 1), count=240)

    began = time.perf_counter()
    found = judge(hour, analysis, step=1, weight=5)
    took = time.perf_counter() - began

    print(f"240 intervals judged in {1000 * took:.1f} ms: {found.reason}")
    assert found.verdict == "Safe"
