"""How bursty stable's errors are, measured before the release."""

import random

import pytest

from headgate.analysis.dispersion import Baseline, baseline_of, dispersion, over_pods, over_time
from headgate.analysis.samples import Series

SINCE = 10_000.0


def past(errors: list[int], requests: int = 300, pod: str = "") -> list[Series]:
    """An hour of stable, one (errors of requests) a check."""
    served = failed = 0
    samples: tuple[list[tuple[float, float]], list[tuple[float, float]]] = ([], [])
    for index, bad in enumerate(errors):
        served, failed = served + requests - bad, failed + bad
        for values, value in zip(samples, (served, failed), strict=True):
            values.append((SINCE - 3600 + 15.0 * index, float(value)))
    return [
        Series(f"served{pod}", "stable", "served", tuple(samples[0]), pod=pod),
        Series(f"failed{pod}", "stable", "failed", tuple(samples[1]), pod=pod),
    ]


def test_independent_errors_have_no_extra_scatter(rng: random.Random) -> None:
    errors = [sum(rng.random() < 0.02 for _ in range(300)) for _ in range(240)]

    assert 1.0 <= baseline_of(past(errors), since=SINCE, interval=15).errors < 1.3


@pytest.mark.parametrize("burst", [3, 10])
def test_errors_in_bursts_scatter_by_the_size_of_a_burst(burst: int, rng: random.Random) -> None:
    errors = [burst * sum(rng.random() < 0.02 / burst for _ in range(300)) for _ in range(240)]

    found = baseline_of(past(errors), since=SINCE, interval=15).errors

    assert found == pytest.approx(burst, rel=0.35)


def test_a_slow_change_of_the_rate_is_no_scatter(rng: random.Random) -> None:
    errors = [sum(rng.random() < 0.01 + 0.04 * index / 240 for _ in range(300)) for index in range(240)]

    assert baseline_of(past(errors), since=SINCE, interval=15).errors < 1.3


def test_an_incident_that_hits_all_pods_is_no_scatter_between_them(rng: random.Random) -> None:
    """Per-pod counters tell bursts of one pod from incidents of all."""

    def draw(p: float) -> int:
        return sum(rng.random() < p for _ in range(300))

    rates = [0.3 if 100 < index < 110 else 0.01 for index in range(240)]
    pods = [past([draw(rate) for rate in rates], pod=name) for name in ("one", "two", "three")]

    together = baseline_of([item for pod in pods for item in pod], since=SINCE, interval=15)

    assert together.errors < 1.3


def test_few_errors_do_not_decide() -> None:
    assert dispersion(4.0, 1.0) < 1.5


def test_phi_is_at_least_one() -> None:
    assert dispersion(0.0, 1000.0) == 1.0


def test_only_stable_is_measured_and_only_before_the_release(rng: random.Random) -> None:
    calm = past([int(rng.random() < 0.9) for _ in range(240)])
    wild = [Series(item.identity, "candidate", item.kind, item.samples) for item in past([0, 80] * 120)]
    later = [
        Series(item.identity, "stable", item.kind, (*item.samples, (SINCE + 15, item.samples[-1][1] + 9000)))
        for item in calm
    ]

    assert baseline_of([*later, *wild], since=SINCE, interval=15) == baseline_of(calm, since=SINCE, interval=15)


def test_nothing_known_is_a_baseline_too() -> None:
    assert baseline_of([], since=SINCE, interval=15) == Baseline()


def test_what_stable_answered_is_counted() -> None:
    counts = baseline_of(past([3] * 240), since=SINCE, interval=15).counts

    assert counts.errors / counts.requests == pytest.approx(0.01)
    assert counts.requests > 60_000


def test_intervals_without_requests_say_nothing() -> None:
    assert over_time([(0, 0), (5, 10), (0, 0)]) == (0.0, 0.0)
    assert over_pods([(5, 10), (0, 0)]) == (0.0, 0.0)
