"""The verdict kept interval by interval equals the one that is computed from all intervals anew."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.analysis.dispersion import Baseline
from headgate.analysis.intervals import Counts, Interval
from headgate.analysis.policy import Policy
from headgate.analysis.running import Running
from headgate.analysis.verdict import judge
from headgate.api.spec import Analysis

pytestmark = pytest.mark.slow

COMPARED = Analysis()
BOTH = Analysis.model_validate({"errors": {"max": "1%"}, "latency": {"below": "300ms"}})
PAST = Baseline(Counts(9000.0, 45.0, 9000.0, 60.0), errors=1.3)


def counted(requests: int, errors: int, slow: int, *, timed: bool) -> Counts:
    """Counts that are possible: of no requests none is bad, and what was not timed was not slow."""
    among = requests if timed else 0
    return Counts(requests, min(errors, requests), among, min(slow, among))


counts = st.builds(counted, st.integers(0, 400), st.integers(0, 12), st.integers(0, 12), timed=st.booleans())
calm = st.builds(Counts, st.just(300.0), st.integers(0, 3), st.just(300.0), st.integers(0, 3))
awful = st.builds(Counts, st.just(300.0), st.integers(10, 90), st.just(300.0), st.integers(0, 90))
checks = st.tuples(
    st.one_of(calm, counts),
    st.one_of(awful, calm, counts),
    st.sampled_from([(1, 10), (2, 50), (3, 100)]),
    st.booleans(),
)


def intervals_of(drawn: Sequence[tuple[Counts, Counts, tuple[int, int], bool]]) -> list[Interval]:
    """Intervals in the order of their steps; with all traffic on the candidate there is no stable."""
    ordered = sorted(drawn, key=lambda check: check[2])
    return [
        Interval(
            15.0 * place, 15.0 * place + 15, Counts() if weight == 100 else stable, candidate, step, weight, aligned
        )
        for place, (stable, candidate, (step, weight), aligned) in enumerate(ordered)
    ]


@given(
    st.lists(checks, min_size=1, max_size=25), st.sampled_from([COMPARED, BOTH]), st.sampled_from([Baseline(), PAST])
)
def test_the_verdict_after_each_interval_is_that_of_all_of_them(
    drawn: list[tuple[Counts, Counts, tuple[int, int], bool]], analysis: Analysis, baseline: Baseline
) -> None:
    intervals, running = intervals_of(drawn), Running(analysis, baseline, Policy())

    for place, interval in enumerate(intervals, 1):
        running.enter(interval.step, interval.weight)
        running.add(interval)

        found = judge(
            intervals[:place], analysis, step=interval.step, weight=interval.weight, baseline=baseline, policy=Policy()
        )

        assert running.verdict == found.verdict, (place, found.reason)
        assert running.judgement == found


def proven() -> Running:
    """Forty good checks in step 1."""
    running = Running(COMPARED, Baseline(), Policy())
    running.enter(1, 10)
    for place in range(40):
        running.add(Interval(15.0 * place, 15.0 * place + 15, Counts(1800, 9), Counts(200, 1), 1, 10))
    return running


@pytest.mark.parametrize(
    ("step", "weight", "verdict"),
    [(1, 10, "Safe"), pytest.param(1, 12, "Safe", id="put back"), pytest.param(2, 25, "NotEnough", id="begins anew")],
)
def test_what_is_proven_holds_within_a_step(step: int, weight: int, verdict: str) -> None:
    running = proven()

    running.enter(step, weight)

    assert running.verdict == verdict
