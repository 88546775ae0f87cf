"""From raw cumulative series to intervals: the data rules that carry the guarantee."""

import math
import random
import tracemalloc
from collections.abc import Mapping
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.analysis.interval_log import IntervalLog
from headgate.analysis.intervals import Counts, Interval
from headgate.analysis.samples import Arm, Kind, Series
from headgate.api.status import Mark

MARK = Mark(at=1000.0, until=1000.0, weight=10, step=1)
BEYOND = Series("clock", "stable", "timed", ((900.0, 0.0), (5000.0, 0.0)))
"""A sample far ahead, so that every earlier interval is complete."""


def series(
    values: Mapping[float, float], arm: Arm = "stable", kind: Kind = "served", name: str = "a", replica: str = ""
) -> Series:
    return Series(name, arm, kind, tuple(sorted(values.items())), replica)


def fold(*items: Series, marks: tuple[Mark, ...] = (MARK,), interval: float = 15.0) -> IntervalLog:
    return IntervalLog(interval, marks).extend(items)


def steady(
    begin: float, end: float, spacing: float = 15.0, gain: float = 10.0, value: float = 500.0
) -> dict[float, float]:
    """Samples of a counter that grows by `gain` a scrape."""
    count = int((end - begin) / spacing) + 1
    return {begin + spacing * index: value + gain * index for index in range(count)}


def stable_requests(log: IntervalLog) -> list[float]:
    return [interval.stable.requests for interval in log.intervals]


def test_a_delta_is_the_growth_since_the_previous_sample() -> None:
    log = fold(series({985: 100, 1000: 200, 1015: 207, 1030: 220, 1045: 220}))

    assert stable_requests(log)[:2] == [7, 13]


def test_after_a_reset_the_value_itself_counts() -> None:
    log = fold(series({990: 100, 1000: 200, 1015: 3, 1030: 9, 1090: 9}))

    assert stable_requests(log)[:2] == [3, 6]


def test_a_series_born_during_the_release_counts_from_zero() -> None:
    """A candidate's first error would be lost to rate() and increase()."""
    old = series(steady(900, 1090))
    errors = series({1045: 2, 1060: 5}, "candidate", "failed", name="b")

    total = sum(interval.candidate.errors for interval in fold(old, errors).intervals)

    assert total == 5


def test_a_series_that_was_counting_before_the_release_gives_its_growth_only() -> None:
    errors = series({950: 40, 995: 40, 1010: 41, 1025: 41, 1090: 41}, "candidate", "failed")

    log = fold(series(steady(905, 1100)), errors)

    assert sum(interval.candidate.errors for interval in log.intervals) <= 1


def test_without_any_earlier_scrape_a_first_value_is_no_growth() -> None:
    """After an outage that covers the look-back nobody knows which series are new."""
    log = fold(series(steady(1010, 1100, value=1e6)), series(steady(1012, 1102, value=1e6), "candidate"))

    assert all(interval.stable.requests < 100 and interval.candidate.requests < 100 for interval in log.intervals)


def test_both_versions_are_counted_over_the_same_time() -> None:
    log = fold(series(steady(900, 1095)), series(steady(907, 1095, gain=3), "candidate"))

    assert [(item.start, item.end) for item in log.intervals] == [
        (begin, begin + 15.0) for begin in (1015, 1030, 1045, 1060, 1075)
    ]
    assert {(item.stable.requests, item.candidate.requests) for item in log.intervals} == {(10, 3)}


def test_the_grid_begins_anew_when_the_traffic_changes() -> None:
    marks = (MARK, Mark(at=1052, until=1060, weight=20, step=2))

    log = fold(series(steady(910, 1150)), marks=marks)

    assert [(item.start, item.step, item.weight) for item in log.intervals] == [
        *[(begin, 1, 10) for begin in (1000, 1015, 1030)],
        *[(begin, 2, 20) for begin in (1060, 1075, 1090, 1105, 1120)],
    ]


def test_what_was_counted_while_the_traffic_changed_is_dropped() -> None:
    """The sample at 1055 holds the change at 1052, the one at 1070 the settling until 1060."""
    marks = (MARK, Mark(at=1052, until=1060, weight=20, step=2))
    before = {985.0: 0.0, 1000: 0, 1010: 1, 1025: 2, 1040: 4}
    after = {1055.0: 1000.0, 1070: 2000, 1085: 2008, 1100: 2024, 1200: 2024}

    log = fold(series(before | after), marks=marks)

    assert stable_requests(log) == [1, 1, 2, 8, 16]


def test_an_interval_with_a_change_in_one_version_is_dropped_for_both() -> None:
    stable = series({985: 0, 1005: 50, 1020: 60, 1035: 70, 1200: 70})
    candidate = series({985: 0, 1000: 0, 1015: 5, 1030: 9, 1200: 9}, "candidate")

    first = fold(stable, candidate).intervals[0]

    assert (first.start, first.stable.requests, first.candidate.requests) == (1015, 10, 4)


def test_a_scrape_gap_is_not_compared() -> None:
    """After 90 s without scrapes of one version its delta covers another time than the other's."""
    stable = series(steady(900, 1260))
    candidate = {at: value for at, value in steady(900, 1260, gain=3).items() if not 1050 < at < 1140}

    pairs = [
        (item.stable.requests / (item.end - item.start), item.candidate.requests / (item.end - item.start))
        for item in fold(stable, series(candidate, "candidate")).intervals
        if item.candidate.requests
    ]

    assert set(pairs) == {(10 / 15, 3 / 15)}


def test_scrapes_rarer_than_checks_and_out_of_step_still_meet() -> None:
    log = fold(series(steady(905, 1400, spacing=30)), series(steady(920, 1400, spacing=30), "candidate"))

    both = [item for item in log.intervals if item.stable.requests and item.candidate.requests]

    assert len(both) >= 10, log.intervals


def test_a_version_that_vanished_is_not_waited_for_long() -> None:
    stable = series(steady(900, 1400))
    candidate = series(steady(900, 1100), "candidate")

    late = [item for item in fold(stable, candidate).intervals if item.start > 1180]

    assert [item.end - item.start for item in late] == [15.0] * len(late)
    assert len(late) > 10


def test_two_prometheus_replicas_count_once() -> None:
    one, other = series(steady(900, 1100), replica="a"), series(steady(904, 1100), replica="b")

    assert fold(one, other).intervals == fold(one).intervals


def test_when_a_replica_falls_silent_the_other_takes_over() -> None:
    one = series({at: value for at, value in steady(900, 1300).items() if at < 1050}, replica="a")
    other = series(steady(900, 1300), replica="b")

    late = [item for item in fold(one, other).intervals if item.start > 1150]

    assert sum(item.stable.requests for item in late) == pytest.approx(10 * len(late))
    assert late


@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0])
def test_values_that_are_no_counts_are_passed_over(value: float) -> None:
    log = fold(series({985: 0, 1000: 10, 1015: value, 1030: 30, 1090: 30}))

    assert sum(stable_requests(log)) == 20


def test_errors_are_requests_too() -> None:
    log = fold(
        series(steady(900, 1090, gain=9), "candidate"),
        series(steady(900, 1090, gain=1), "candidate", "failed", name="b"),
    )

    assert log.intervals[0].candidate == Counts(requests=10, errors=1)


def test_slow_requests_are_those_above_the_bound() -> None:
    log = fold(
        series(steady(900, 1090, gain=10), "candidate", "timed"), series(steady(900, 1090, gain=7), "candidate", "fast")
    )

    assert log.intervals[0].candidate == Counts(timed=10, slow=3)


@pytest.mark.parametrize(("late", "aligned"), [(0, True), (4, False)])
def test_versions_that_are_scraped_together_are_told_from_others(late: float, aligned: bool) -> None:
    log = fold(series(steady(900, 1095)), series(steady(900 + late, 1095), "candidate"))

    assert {interval.aligned for interval in log.intervals} == {aligned}


def test_an_interval_that_is_still_being_filled_is_not_shown() -> None:
    log = fold(series({985: 0, 1000: 0, 1015: 5, 1028: 9}))

    assert [item.end for item in log.intervals] == [1015.0]


def test_a_mark_that_cuts_folded_samples_asks_for_a_new_log() -> None:
    log = fold(series(steady(900, 1100)))

    assert log.marked([MARK, Mark(at=1050, until=1055, weight=20)]) is None
    extended = log.marked([MARK, Mark(at=1101, until=1105, weight=20)])
    assert extended is not None
    assert [mark.weight for mark in extended.marks] == [10, 20]


def test_marks_that_status_has_forgotten_stay() -> None:
    """Status keeps the last two hundred."""
    log = IntervalLog(15.0, (MARK, Mark(at=2000, until=2000, weight=20)))

    shortened = log.marked([Mark(at=2000, until=2000, weight=20), Mark(at=3000, until=3000, weight=30)])

    assert shortened is not None
    assert [mark.at for mark in shortened.marks] == [1000, 2000, 3000]


@st.composite
def histories(draw: st.DrawFn) -> list[Series]:
    """Series with resets, gaps, late births, replicas and jitter."""
    made = []
    for name in range(draw(st.integers(1, 3))):
        at, value, samples = draw(st.floats(400, 1300)), draw(st.floats(0, 1e6)), []
        for _ in range(draw(st.integers(1, 20))):
            at += draw(st.sampled_from([14.9, 15.0, 15.1, 30.0, 90.0]))
            value = draw(st.floats(0, 50)) if draw(st.integers(0, 15)) == 0 else value + draw(st.floats(0, 90))
            samples.append((round(at, 3), float(round(value))))
        arm: Arm = draw(st.sampled_from(["stable", "candidate"]))
        kind: Kind = draw(st.sampled_from(["served", "failed", "timed", "fast"]))
        replicas = draw(st.sampled_from([("",), ("a", "b")]))
        made += [Series(f"s{name}", arm, kind, tuple(samples), replica) for replica in replicas]
    return made


@given(histories(), st.lists(st.floats(400, 2500), max_size=5))
def test_folding_batch_by_batch_equals_folding_all_at_once(items: list[Series], cuts: list[float]) -> None:
    """The log that is read back after a restart is equal bit for bit."""
    marks = (MARK, Mark(at=1200, until=1208, weight=20, step=2))
    moments = sorted({400.0, *cuts, math.inf})

    batched = IntervalLog(15.0, marks)
    for begin, end in pairwise(moments):
        # Each read overlaps the one before: what is known is passed over.
        batch = [
            Series(
                one.identity, one.arm, one.kind, tuple(s for s in one.samples if begin - 60 < s[0] <= end), one.replica
            )
            for one in items
        ]
        batched = batched.extend(batch)

    assert batched.intervals == IntervalLog(15.0, marks).extend(items).intervals


@given(histories(), st.randoms())
def test_the_order_of_the_series_does_not_matter(items: list[Series], rng: random.Random) -> None:
    shuffled = list(items)
    rng.shuffle(shuffled)

    assert fold(*shuffled).intervals == fold(*items).intervals


@given(histories())
def test_counts_are_always_possible(items: list[Series]) -> None:
    for interval in fold(*items, BEYOND).intervals:
        assert isinstance(interval, Interval)
        assert interval.start < interval.end


def test_an_hour_of_checks_of_a_thousand_releases_fits_into_memory() -> None:
    stable, candidate = series(steady(900, 4600)), series(steady(900, 4600), "candidate", name="b")
    tracemalloc.start()

    logs = [fold(stable, candidate) for _ in range(5)]

    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(logs[0].intervals) >= 238
    assert used * 200 < 40 * 2**20, f"{used * 200 / 2**20:.0f} MiB for 1,000 releases"
