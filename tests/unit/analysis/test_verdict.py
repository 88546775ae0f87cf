"""The four verdicts, their order, and what they say."""

import math
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.analysis.dispersion import Baseline
from headgate.analysis.intervals import Counts, Interval
from headgate.analysis.policy import Policy
from headgate.analysis.verdict import Judgement, judge
from headgate.api.spec import Analysis

ERRORS = Analysis()
OBJECTIVE = Analysis.model_validate({"errors": {"max": "1%"}})
LATENCY = Analysis.model_validate({"latency": {"below": "300ms", "objective": "99%"}})
QUERY = Analysis.model_validate({"queries": [{"name": "saturation", "query": "x", "max": 0.9, "min": 0.1}]})


def checks(
    count: int,
    candidate: tuple[float, float],
    stable: tuple[float, float],
    *,
    step: int = 1,
    weight: int = 10,
    start: float = 0,
) -> list[Interval]:
    """Intervals with (errors, requests) of both versions; all requests were timed and fast."""
    return [
        Interval(start + 15 * index, start + 15 * index + 15, _counts(*stable), _counts(*candidate), step, weight)
        for index in range(count)
    ]


def _counts(errors: float, requests: float, slow: float = 0.0) -> Counts:
    return Counts(requests, errors, requests, slow)


def verdict_on(intervals: Sequence[Interval], analysis: Analysis = ERRORS, **more: Any) -> Judgement:
    return judge(intervals, analysis, **{"step": 1, "weight": 10} | more)


GOOD = checks(40, (1, 200), (9, 1800))
AWFUL = checks(8, (20, 200), (9, 1800))


def test_a_step_is_looked_at_once_three_of_its_own_checks_were_counted() -> None:
    """With two, not even a version that always fails is bad: neighbours that were scraped apart count half together."""
    before = checks(5, (1, 200), (9, 1800), step=1)
    two, three = (checks(count, (200, 200), (9, 1800), step=2, start=75) for count in (2, 3))

    early, late = (verdict_on([*before, *now], step=2) for now in (two, three))

    assert (early.verdict, early.looked) == ("NotEnough", False)
    assert (late.verdict, late.looked) == ("Bad", True)


def test_a_candidate_that_fails_more_is_bad() -> None:
    found = verdict_on(AWFUL)

    assert found.verdict == "Bad"
    assert found.reason.startswith(
        "errors: candidate 160 of 1,600 failed, stable 72 of 14,400; 18 times the tolerated rate"
    )
    assert found.reason.endswith("needed 100 : 1")
    assert found.summary.startswith("Bad, ")
    assert found.log_e >= found.log_needed == pytest.approx(math.log(100))


def test_a_candidate_that_is_like_stable_is_safe() -> None:
    found = verdict_on(GOOD)

    assert (found.verdict, found.summary) == ("Safe", "Safe")
    assert "proven safe in this step" in found.reason
    assert found.requests_needed is None


def test_with_little_traffic_it_says_how_much_more_it_takes() -> None:
    found = verdict_on(checks(4, (0, 15), (1, 285)))

    assert found.verdict == "NotEnough"
    assert found.requests_needed is not None
    assert 300 < found.requests_needed < 3000
    assert found.summary.startswith("NotEnough, ~")
    assert found.reason.endswith("more candidate requests to prove it safe")


def test_the_requests_it_asks_for_suffice() -> None:
    before = verdict_on(checks(4, (0.3, 30), (2.7, 270)))
    assert before.requests_needed is not None

    more = math.ceil(before.requests_needed / 30)

    assert verdict_on(checks(4 + more, (0.3, 30), (2.7, 270))).verdict == "Safe"
    assert verdict_on(checks(4 + round(0.9 * more), (0.3, 30), (2.7, 270))).verdict == "NotEnough"


@pytest.mark.parametrize("intervals", [[], checks(20, (0, 0), (0, 0)), checks(20, (0, 0), (9, 1800))])
def test_no_traffic_is_not_enough_and_never_a_failure(intervals: list[Interval]) -> None:
    found = verdict_on(intervals, OBJECTIVE)

    assert found.verdict == "NotEnough"
    assert found.evidence[0].candidate_rate is None


@pytest.mark.parametrize("intervals", [[], GOOD, AWFUL])
def test_metrics_gone_is_unknown_and_never_bad(intervals: list[Interval]) -> None:
    found = verdict_on(intervals, problem="Prometheus default refused the connection")

    assert (found.verdict, found.reason) == ("Unknown", "Prometheus default refused the connection")
    assert found.evidence[0].message == "Prometheus default refused the connection"


@pytest.mark.parametrize(("errors", "requests"), [(0, 1), (1, 1), (1, 15), (2, 15)])
def test_at_one_request_a_second_nobody_is_rolled_back_for_single_errors(errors: int, requests: int) -> None:
    intervals = (
        checks(20, (0, 1), (0, 14))
        + checks(1, (errors, requests), (0, 14), start=300)
        + checks(20, (0, 1), (0, 14), start=315)
    )

    for count in range(len(intervals)):
        assert verdict_on(intervals[:count]).verdict == "NotEnough"


def test_an_incident_of_both_versions_is_not_the_candidates_fault() -> None:
    incident = checks(4, (40, 200), (360, 1800), start=600)

    assert verdict_on(GOOD + incident).verdict != "Bad"
    assert verdict_on(GOOD + incident, OBJECTIVE).verdict != "Bad"


def test_a_late_regression_is_found_and_told_from_its_beginning() -> None:
    late = checks(4, (24, 200), (9, 1800), start=600)

    found = verdict_on(GOOD + late)

    assert found.verdict == "Bad"
    assert "of 800 failed" in found.reason
    assert "in the last 1m" in found.reason


def test_evidence_goes_on_over_the_steps_but_safety_is_proven_anew() -> None:
    second = checks(1, (1, 200), (9, 1800), step=2, start=600)

    assert verdict_on(GOOD + second, step=1).verdict == "Safe"
    assert verdict_on(GOOD + second, step=2).verdict == "NotEnough"
    assert verdict_on(AWFUL + checks(1, (1, 200), (9, 1800), step=2, start=120), step=2).verdict == "Bad"


def test_a_candidate_above_the_objective_is_bad_even_beside_a_lenient_comparison() -> None:
    lenient = Policy(bad=Policy().safe)

    found = verdict_on(checks(40, (6, 200), (9, 1800)), OBJECTIVE, policy=lenient)

    assert found.verdict == "Bad"
    assert "times the tolerated rate of 1.0%" in found.reason


def test_when_stable_breaks_the_objective_too_it_holds() -> None:
    found = verdict_on(checks(40, (6, 200), (54, 1800)), OBJECTIVE)

    assert found.verdict == "Unknown"
    assert found.reason == "errors: stable is failing too: 2,160 of 72,000, more than the objective of 1.0%"


def test_a_candidate_far_worse_than_a_failing_stable_is_bad() -> None:
    assert verdict_on(checks(10, (60, 200), (54, 1800)), OBJECTIVE).verdict == "Bad"


def test_slow_answers_are_judged_like_errors() -> None:
    slow = [
        Interval(i.start, i.end, _counts(0, 1800, 9), _counts(0, 200, 24), i.step, i.weight)
        for i in checks(8, (0, 200), (0, 1800))
    ]

    found = verdict_on(slow, LATENCY)

    assert found.verdict == "Bad"
    assert found.reason.startswith("latency: candidate 192 of 1,600 were slow, stable 72 of 14,400")
    assert {one.objective: one.verdict for one in found.evidence}["errors"] != "Bad"


def test_two_objectives_share_the_error_rate() -> None:
    """The average of two e-values has to reach the same odds, so each by itself needs twice as much."""
    alone, both = verdict_on(AWFUL), verdict_on(AWFUL, LATENCY)

    assert both.log_e < alone.log_e
    assert (alone.evidence[0].needed, both.evidence[0].needed) == ("100", "200")


def test_requests_that_nobody_timed_are_unknown() -> None:
    untimed = [
        Interval(i.start, i.end, Counts(1800, 9), Counts(200, 1), i.step, i.weight) for i in GOOD
    ]  # fmt: skip

    found = verdict_on(untimed, LATENCY)

    assert found.verdict == "Unknown"
    assert found.reason == "latency: the candidate answered 8,000 requests, but no histogram timed them"


def test_a_stable_that_nobody_counts_is_unknown() -> None:
    found = verdict_on(checks(4, (0, 50), (0, 0)))

    assert found.verdict == "Unknown"
    assert found.reason == (
        "errors: the candidate answered 200 requests, but none of stable were counted: there is nothing to compare with"
    )
    assert verdict_on(checks(1, (0, 2), (0, 0))).verdict == "NotEnough"


def test_a_stable_that_nobody_times_is_unknown() -> None:
    untimed = [Interval(i.start, i.end, Counts(1800, 9), i.candidate, i.step, i.weight) for i in GOOD]

    found = verdict_on(untimed, LATENCY)

    assert found.verdict == "Unknown"
    assert found.reason == (
        "latency: the candidate answered 8,000 requests, but none of stable were timed:"
        " there is nothing to compare with"
    )


def test_before_it_gets_traffic_nothing_is_asked_for() -> None:
    found = verdict_on([], weight=0)

    assert (found.verdict, found.summary, found.requests_needed) == ("NotEnough", "NotEnough", None)
    assert found.reason.endswith("the candidate gets no traffic in this step")


def test_one_objective_that_cannot_be_judged_holds_but_does_not_hide_a_bad_one() -> None:
    reasons = {"latency": "the histogram has no bucket at 300ms: it has 100ms, 1s"}

    assert verdict_on(GOOD, LATENCY, problems=reasons).reason == f"latency: {reasons['latency']}"
    assert verdict_on(AWFUL, LATENCY, problems=reasons).verdict == "Bad"


@pytest.mark.parametrize(("value", "expected", "words"), [
    (0.5, "Safe", "within"),
    (0.95, "Bad", "0.95 is above the bound 0.9"),
    (0.05, "Bad", "0.05 is below the bound 0.1"),
    (None, "Unknown", "gives no number"),
    (math.nan, "Unknown", "gives no number"),
])  # fmt: skip
def test_a_query_is_within_its_bounds_or_not(value: float | None, expected: str, words: str) -> None:
    found = verdict_on(GOOD, QUERY, queries={"saturation": value})

    assert found.verdict == expected
    assert words in found.evidence[1].message


def test_a_query_out_of_bounds_says_so_in_the_table() -> None:
    assert verdict_on(GOOD, QUERY, queries={"saturation": 2.0}).summary == "Bad, saturation"


def test_a_query_that_was_not_asked_is_unknown() -> None:
    assert verdict_on(GOOD, QUERY).verdict == "Unknown"


FULL: dict[str, Any] = {"step": 1, "weight": 100}


def full(count: int, errors: float, requests: float) -> list[Interval]:
    return checks(count, (errors, requests), (0, 0), weight=100)


def test_with_all_traffic_the_objective_decides() -> None:
    assert verdict_on(full(8, 8, 200), OBJECTIVE, **FULL).verdict == "Bad"
    assert verdict_on(full(40, 1, 400), OBJECTIVE, **FULL).verdict == "Safe"


def test_with_all_traffic_and_no_objective_stables_past_decides() -> None:
    past = Baseline(counts=Counts(10_000, 50))

    assert verdict_on(full(8, 20, 200), baseline=past, **FULL).verdict == "Bad"
    assert verdict_on(full(40, 1, 200), baseline=past, **FULL).verdict == "Safe"


def test_with_all_traffic_and_nothing_to_compare_with_it_says_what_to_set() -> None:
    found = verdict_on(full(8, 20, 200), **FULL)

    assert found.verdict == "NotEnough"
    assert found.reason.endswith(
        "there is no stable beside it and no objective: set spec.analysis.errors.max to judge it"
    )


def test_stray_requests_to_stable_are_no_comparison_with_all_traffic_on_the_candidate() -> None:
    stray = checks(8, (20, 200), (1, 2), weight=100)

    assert verdict_on(stray, OBJECTIVE, **FULL).verdict == "Bad"


def test_bursty_errors_weigh_less() -> None:
    intervals = checks(6, (5, 200), (9, 1800))

    assert verdict_on(intervals).verdict == "Bad"
    assert verdict_on(intervals, baseline=Baseline(errors=5.0)).verdict == "NotEnough"
    assert verdict_on(intervals, baseline=Baseline(errors=5.0), policy=Policy(dispersion=1.0)).verdict == "Bad"


def test_the_strictest_objective_needs_evidence_too() -> None:
    strict = Analysis.model_validate({"errors": {"max": "0.0001%"}})

    once = checks(8, (0, 200), (0, 1800)) + checks(1, (1, 200), (0, 1800), start=120)
    assert verdict_on(once, strict).verdict != "Bad"
    assert verdict_on(checks(20, (2, 200), (0, 1800)), strict).verdict == "Bad"


@pytest.mark.parametrize("counts", [
    (math.nan, 0, 0, 0), (math.inf, 0, 0, 0), (-1, 0, 0, 0), (1, 2, 0, 0), (1, 0, 1, 2), (1, math.nan, 0, 0)
])  # fmt: skip
def test_impossible_counts_are_refused(counts: tuple[float, float, float, float]) -> None:
    with pytest.raises(ValueError, match="no count of requests"):
        Counts(*counts)


counts = st.builds(
    lambda n, x, s: Counts(n, min(x, n), n, min(s, n)),
    st.integers(0, 10**9),
    st.integers(0, 10**9),
    st.integers(0, 10**9),
)


@given(
    st.lists(st.tuples(counts, counts, st.sampled_from([1, 2]), st.sampled_from([5, 100])), max_size=8),
    st.sampled_from([5, 100]),
)
def test_every_possible_history_has_a_verdict_that_fits_its_contract(
    history: list[tuple[Counts, Counts, int, int]], weight: int
) -> None:
    """Sentences fit into status, numbers are finite, and only a bad candidate reaches the odds."""
    intervals = [
        Interval(15.0 * index, 15.0 * index + 15, stable, candidate, step, share)
        for index, (stable, candidate, step, share) in enumerate(history)
    ]
    both = Analysis.model_validate({"errors": {"max": "1%"}, "latency": {"below": "300ms"}})

    found = judge(intervals, both, step=2, weight=weight)

    assert (found.verdict == "Bad") == (found.log_e >= found.log_needed)
    assert not math.isnan(found.log_e)
    assert 0 < len(found.reason) <= 400
    for one in found.evidence:
        assert type(one).model_validate(one.manifest()) == one


def test_the_difference_of_the_rates_has_an_interval() -> None:
    found = verdict_on(AWFUL).evidence[0]

    low, high = (float(part.rstrip("%")) for part in (found.difference or "").split(" to "))
    assert low < 9.5 < high
