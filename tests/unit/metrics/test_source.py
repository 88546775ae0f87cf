"""Reading a real Prometheus whose past is written here, so that every number is known."""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest

from headgate.api.status import Mark
from headgate.metrics.endpoint import Endpoint
from headgate.metrics.source import LOOK_BACK, Source
from headgate.metrics.watch import Watch
from headgate.release.observation import Metrics
from headgate.routing.meter import Matcher, Meter
from tests.unit.metrics.reading import MARK, START, read

NGINX = "nginx_ingress_controller_requests"
REQUESTS, DURATIONS = "traefik_service_requests_total", "traefik_service_request_duration_seconds"


def meter(service: str, pod_label: str = "") -> Meter:
    return Meter(REQUESTS, "code", DURATIONS, (Matcher("service", "=", service),), pod_label=pod_label)


def watch(name: str, **more: Any) -> Watch:
    fields: dict[str, Any] = {
        "key": ("prod", name),
        "prometheus": "default",
        "stable": meter(name),
        "candidate": meter(f"{name}-canary"),
        "since": START,
        "marks": (MARK,),
        "interval": 15.0,
    }
    return Watch(**fields | more)


class Past:
    """Text in the OpenMetrics format."""

    def __init__(self) -> None:
        self.text = ""

    def add(self, name: str, labels: Mapping[str, str], samples: Iterable[tuple[float, float]]) -> None:
        inside = ",".join(f'{label}="{value}"' for label, value in labels.items())
        self.text += "".join(f"{name}{{{inside}}} {value} {START + at}\n" for at, value in samples)

    def steady(
        self, service: str, gain: float, begin: float = -300, end: float = 600, name: str = REQUESTS, **labels: str
    ) -> None:
        """A counter that grows by `gain` with each scrape, every 15 s."""
        count = int((end - begin) / 15) + 1
        samples = [(begin + 15 * index, 100 + gain * index) for index in range(count)]
        self.add(name, {"code": "200", **labels, "service": service}, samples)


def histogram(past: Past, service: str, *, timed: float, fast: Mapping[str, float]) -> None:
    past.steady(service, timed, name=f"{DURATIONS}_count")
    for bound, gain in fast.items():
        past.steady(service, gain, name=f"{DURATIONS}_bucket", le=bound)


def other_sources(past: Past) -> None:
    """Series of ingress-nginx and of Istio."""
    scrapes = range(-300, 601, 15)
    for canary, gain in (("", 90), ("prod-shop-canary-80", 10)):
        labels = {"ingress": "shop", "namespace": "prod", "canary": canary}
        past.add(NGINX, {**labels, "status": "200"}, [(at, (at + 300) / 15 * gain) for at in scrapes])
        past.add(NGINX, {**labels, "status": "502"}, [(at, (at + 300) / 15) for at in scrapes])
    past.add(
        NGINX,
        {"ingress": "shop", "namespace": "test", "canary": "", "status": "200"},
        [(at, at + 300) for at in scrapes],
    )
    for workload, gain, fast in (("shop-v1", 90, 80), ("shop-v2", 10, 9)):
        for name, value, more in (
            ("requests_total", gain, {}),
            ("request_duration_milliseconds_count", gain, {}),
            ("request_duration_milliseconds_bucket", fast, {"le": "250"}),
        ):
            labels = {"destination_workload": workload, "reporter": "source", "response_code": "200", **more}
            past.add(f"istio_{name}", labels, [(at, (at + 300) / 15 * value) for at in scrapes])
            past.add(f"istio_{name}", {**labels, "reporter": "destination"}, [(at, at + 300) for at in scrapes])


@pytest.fixture(scope="module")
def url(run_prometheus: Callable[..., str]) -> str:
    past = Past()
    for name in ("plain", "restart", "churn", "gap", "reset", "born", "vanished", "stopped"):
        past.steady(name, 90, end=300 if name == "stopped" else 600)
    past.steady("plain-canary", 10)
    past.steady("plain-canary", 1, code="503")
    past.steady("stopped-canary", 10, end=300)

    past.add(
        REQUESTS, {"service": "reset-canary", "code": "200"}, [(-15, 70), (0, 80), (15, 95), (30, 4), (45, 9), (60, 9)]
    )
    past.add(REQUESTS, {"service": "born-canary", "code": "200"}, [(30, 25), (45, 25), (60, 25)])
    past.add(REQUESTS, {"service": "born-canary", "code": "500"}, [(45, 7), (60, 8)])
    past.add(REQUESTS, {"service": "vanished-canary", "code": "200"}, [(-15, 5), (0, 10), (15, 20), (30, 35)])
    past.add(
        REQUESTS,
        {"service": "gap-canary", "code": "200"},
        [(at, 1000 + at) for at in range(-300, 601, 15) if not 60 < at < 180],
    )
    for number, (begin, end) in enumerate([(-300, 100), (20, 300), (110, 600)]):
        past.steady("churn-canary", 10, begin=begin + 10, end=end, pod=f"pod-{number}")
    past.steady("twice", 90, prometheus_replica="a")
    past.steady("twice", 90, prometheus_replica="b", begin=-293)
    past.steady("twice-canary", 10, prometheus_replica="a")
    past.steady("twice-canary", 10, prometheus_replica="b", begin=-293)

    for name in ("slow", "bounds", "written"):
        past.steady(name, 90)
        past.steady(f"{name}-canary", 10)
    for service, timed, fast in (("slow", 90, 88), ("slow-canary", 10, 6)):
        histogram(past, service, timed=timed, fast={"0.1": fast / 2, "0.3": fast, "+Inf": timed})
    for service, timed in (("bounds", 90), ("bounds-canary", 10)):
        histogram(past, service, timed=timed, fast={"0.1": 1, "1.2": 5, "+Inf": timed})
    for service, timed in (("written", 90), ("written-canary", 10)):
        histogram(past, service, timed=timed, fast={"1.0": 7, "+Inf": timed})
    for number in range(200):
        past.steady(f"many-{number}", 90, begin=-60, end=120)
        past.steady(f"many-{number}-canary", 10, begin=-60, end=120)
    past.add(
        "istio_request_duration_milliseconds_count", {"app": "ms"}, [(at, at + 300) for at in range(-300, 601, 15)]
    )
    other_sources(past)
    return run_prometheus(past.text)


def candidate_total(metrics: Metrics) -> tuple[float, float]:
    """The candidate's requests and errors in all intervals."""
    counts = [interval.candidate for interval in metrics.intervals]
    return sum(item.requests for item in counts), sum(item.errors for item in counts)


def test_both_versions_are_read_with_their_errors(source: Source) -> None:
    found = read(source, watch("plain"), 130)

    assert found.problem == ""
    assert {(item.stable.requests, item.candidate.requests, item.candidate.errors) for item in found.intervals} == {
        (90, 11, 1)
    }
    assert [(item.start - START, item.step, item.weight) for item in found.intervals] == [
        (15.0 * k, 1, 10) for k in range(7)
    ]


def test_what_is_read_check_by_check_equals_what_is_read_after_a_restart(source: Source, url: str) -> None:
    for name in ("plain", "restart", "churn", "gap", "reset", "born", "vanished", "twice", "slow"):
        live = read(source, watch(name, latency=0.3), *range(1, 600, 13))

        restarted = Source("default", Endpoint(url=url))
        again = read(restarted, watch(name, latency=0.3), 599 - 599 % 13 + 1)
        restarted.prometheus.close()

        assert live.intervals, name
        assert (live.intervals, live.baseline) == (again.intervals, again.baseline), name


def test_new_marks_cut_the_intervals_of_a_running_release(source: Source, url: str) -> None:
    later = Mark(at=START + 121, until=START + 130, weight=25, step=2)
    read(source, watch("plain"), 100, 120)

    live = read(source, watch("plain", marks=(MARK, later)), 122, 300)

    restarted = Source("default", Endpoint(url=url))
    assert live.intervals == read(restarted, watch("plain", marks=(MARK, later)), 300).intervals
    restarted.prometheus.close()
    assert {item.weight for item in live.intervals} == {10, 25}
    assert not any(START + 121 < item.end <= START + 145 for item in live.intervals)


def test_a_reset_counts_what_came_after_it(source: Source) -> None:
    assert candidate_total(read(source, watch("reset"), 130)) == (15 + 4 + 5, 0)


def test_series_that_are_born_in_the_release_count_from_zero(source: Source) -> None:
    assert candidate_total(read(source, watch("born"), 130)) == (25 + 8, 8)


def test_a_series_that_vanished_keeps_what_it_counted(source: Source) -> None:
    assert candidate_total(read(source, watch("vanished"), 300)) == (10 + 15, 0)


def test_pods_that_come_and_go_are_counted_together(source: Source) -> None:
    """Two pods overlap; a new one's first value counts."""
    found = read(source, watch("churn"), 290)

    total, _ = candidate_total(found)
    assert total > 300
    assert all(item.candidate.requests <= 150 for item in found.intervals), found.intervals


def test_a_scrape_gap_of_one_version_is_left_out(source: Source) -> None:
    found = read(source, watch("gap"), 300)

    rates = {item.candidate.requests / (item.end - item.start) for item in found.intervals if item.candidate.requests}
    assert rates == {1.0}


def test_two_prometheus_replicas_count_once(source: Source) -> None:
    found = read(source, watch("twice"), 130)

    assert {(item.stable.requests, item.candidate.requests) for item in found.intervals} == {(90, 10)}


def test_slow_requests_are_read_from_the_bucket_at_the_bound(source: Source) -> None:
    found = read(source, watch("slow", latency=0.3), 130)

    assert {
        (item.stable.timed, item.stable.slow, item.candidate.timed, item.candidate.slow) for item in found.intervals
    } == {(90, 2, 10, 4)}
    assert found.problems == {}


def test_a_bound_may_be_written_in_several_ways(source: Source) -> None:
    assert {item.candidate.slow for item in read(source, watch("written", latency=1.0), 130).intervals} == {3}


def test_a_bound_that_no_bucket_has_is_explained(source: Source) -> None:
    found = read(source, watch("bounds", latency=0.3), 130)

    assert found.problem == ""
    assert found.problems["latency"] == (
        f"{DURATIONS} has no bucket at 300ms: set spec.analysis.latency.below to one of its bounds (100ms, 1s200ms)"
    )
    assert {(item.candidate.requests, item.candidate.timed) for item in found.intervals} == {(10, 0)}


def test_the_bounds_are_asked_for_once(source: Source) -> None:
    read(source, watch("bounds", latency=0.3), 130)
    before = source.prometheus.queries

    read(source, watch("bounds", latency=0.3), 145, 160)

    assert source.prometheus.queries - before == 2


def test_stable_is_measured_before_the_release(source: Source) -> None:
    counts = read(source, watch("plain"), 1).baseline.counts

    assert (counts.requests, counts.errors) == (90 * 15, 0)
    assert LOOK_BACK >= 3600


@pytest.mark.parametrize("number", [1, 200])
def test_the_number_of_queries_does_not_depend_on_the_number_of_releases(source: Source, number: int) -> None:
    queries = (("saturation", "vector(0.5)"),)
    watches = [watch(f"many-{index}", latency=0.3, queries=queries) for index in range(number)]
    source.refresh(watches, START + 60)
    assert source.prometheus.queries == 2

    source.refresh(watches, START + 75)
    assert source.prometheus.queries == 4

    source.refresh([*watches, watch("plain")], START + 90)
    assert source.prometheus.queries == 7, "a release that begins is one query more, together with all that begin"
    for item in watches:
        found = source.metrics(item)
        assert found is not None
        assert {(i.stable.requests, i.candidate.requests) for i in found.intervals} == {(90, 10)}


def test_a_query_that_would_be_too_long_is_split(url: str) -> None:
    short = Source("default", Endpoint(url=url, query_bytes=2_000))
    watches = [watch(f"many-{index}") for index in range(200)]

    short.refresh(watches, START + 60)

    assert 3 <= short.prometheus.queries <= 8
    assert all((found := short.metrics(item)) is not None and found.intervals for item in watches)
    short.prometheus.close()


def test_patterns_and_further_labels_tell_releases_apart(source: Source) -> None:
    stable = Meter(REQUESTS, "code", DURATIONS, (Matcher("service", "=~", "pla[i]n"), Matcher("code", "=~", "2..")))
    candidate = Meter(
        REQUESTS, "code", DURATIONS, (Matcher("service", "=~", "(plain|other)-canary"), Matcher("code", "=", "503"))
    )

    found = read(source, watch("plain", stable=stable, candidate=candidate), 130)

    assert {(item.stable.requests, item.candidate.requests, item.candidate.errors) for item in found.intervals} == {
        (90, 1, 1)
    }


def test_ingress_nginx_tells_versions_apart_by_its_canary_label(source: Source) -> None:
    stable, candidate = (
        Meter(NGINX, "status", "nginx_ingress_controller_request_duration_seconds", (
            Matcher("ingress", "=", "shop"), Matcher("namespace", "=", "prod"), Matcher("canary", "=~", canary)
        ))
        for canary in ("", "(prod-shop-canary-80)")
    )  # fmt: skip

    found = read(source, watch("shop", stable=stable, candidate=candidate), 130)

    assert {(item.stable.requests, item.candidate.requests, item.candidate.errors) for item in found.intervals} == {
        (91, 11, 1)
    }
    assert all(item.aligned for item in found.intervals)


def test_istio_counts_milliseconds_and_each_request_twice(source: Source) -> None:
    """The reporter has to be chosen; a bound of 250ms is the bucket 250."""
    stable, candidate = (
        Meter("istio_requests_total", "response_code", "istio_request_duration_milliseconds", (
            Matcher("destination_workload", "=", workload), Matcher("reporter", "=", "source")
        ), 0.001)
        for workload in ("shop-v1", "shop-v2")
    )  # fmt: skip

    found = read(source, watch("mesh", stable=stable, candidate=candidate, latency=0.25), 130)

    assert {
        (item.stable.timed, item.stable.slow, item.candidate.timed, item.candidate.slow) for item in found.intervals
    } == {(90, 10, 10, 1)}


def test_a_service_without_series_is_said(source: Source) -> None:
    found = read(source, watch("nobody"), 60)

    assert found.intervals == ()
    assert found.problem.endswith(
        f'has no series {REQUESTS}{{service="nobody"}}:'
        " is it scraped, and did the service have a request in the last hour?"
    )
    assert found.since == START + 60


def test_a_candidate_without_requests_is_no_problem(source: Source) -> None:
    found = read(source, watch("restart"), 100)

    assert found.problem == ""
    assert {item.candidate.requests for item in found.intervals} == {0}


def test_scrapes_that_stopped_are_said_with_since_when(source: Source) -> None:
    item = watch("stopped")
    assert read(source, item, 310, 340).problem == ""

    found = read(source, item, 355, 370)

    assert found.problem.endswith(f"has no sample of {REQUESTS} since 1m10s: is it still scraped?")
    assert found.since == START + 355
    assert found.intervals


def test_a_release_that_begins_anew_under_its_name_begins_a_new_log(source: Source) -> None:
    read(source, watch("plain"), 130)

    again = Mark(at=START + 200, until=START + 205, weight=5, step=1)
    found = read(source, watch("plain", since=START + 200, marks=(again,)), 300)

    assert min(item.start for item in found.intervals) >= START + 205


def test_what_was_forgotten_is_read_anew(source: Source) -> None:
    item = watch("plain")
    before = read(source, item, 130).intervals

    source.forget(item.key)

    assert source.metrics(item) is None
    assert read(source, item, 130).intervals == before


def test_a_release_that_was_not_read_for_long_catches_up(source: Source) -> None:
    item = watch("plain", marks=(MARK,))

    later = read(source, item, -LOOK_BACK + 10, 590).intervals

    assert later == read(source, item, 590).intervals


def test_a_clock_that_is_put_back_makes_no_release_blind(source: Source, url: str) -> None:
    """What was read by then counts as never read: the next read begins at the beginning."""
    fresh = Source("default", Endpoint(url=url))

    found = read(source, watch("plain"), 300, 130)

    assert (found.problem, found.intervals) == ("", read(fresh, watch("plain"), 130).intervals)
    fresh.prometheus.close()


@pytest.mark.parametrize(("text", "expected"), [
    ("vector(0.5)", 0.5),
    ("0.25", 0.25),
    (f'sum({REQUESTS}{{service="plain"}}) # all of them', 2620.0),
    ("absent_metric", None),
    ("vector(1) / 0", math.inf),
])  # fmt: skip
def test_a_query_gives_its_number(source: Source, text: str, expected: float | None) -> None:
    assert read(source, watch("plain", queries=(("q", text),)), 130).queries == {"q": expected}


@pytest.mark.parametrize(("text", "words"), [
    ("sum(", "rejects the query"),
    (f"{REQUESTS}", "numbers, and must give one: aggregate it"),
    (f"{REQUESTS}[5m]", "gives a range of samples"),
    ('"text"', "must give a number"),
    ('vector(1), "headgate_question", "x", "", "") or label_replace(vector(1)', "rejects the query"),
])  # fmt: skip
def test_a_query_that_cannot_give_one_number_says_why_and_hurts_nobody(source: Source, text: str, words: str) -> None:
    broken, whole = watch("plain", queries=(("q", text),)), watch("restart", queries=(("q", "vector(0.5)"),))
    source.refresh([broken, whole], START + 130)

    of_broken, of_whole = source.metrics(broken), source.metrics(whole)

    assert of_broken is not None
    assert of_whole is not None
    assert of_broken.queries == {"q": None}
    assert words in of_broken.problems["q"]
    assert (of_broken.problem, of_whole.queries, of_whole.problems) == ("", {"q": 0.5}, {})


@pytest.mark.parametrize("beside", [(), (("r", "sum("),)], ids=["together", "alone"])
def test_a_query_that_matches_everything_brings_no_more_than_two_series(
    source: Source, monkeypatch: pytest.MonkeyPatch, beside: tuple[tuple[str, str], ...]
) -> None:
    """All series of a Prometheus would be more than the operator's memory."""
    answers: list[int] = []
    query = source.prometheus.query

    def noted(*arguments: Any, **more: Any) -> Any:
        result = query(*arguments, **more)
        answers.append(len(result))
        return result

    found = read(source, watch("plain"), 130)
    monkeypatch.setattr(source.prometheus, "query", noted)
    found = read(source, watch("plain", queries=(("q", '{service=~".+"}'), *beside)), 131)

    assert "the query gives several numbers, and must give one" in found.problems["q"]
    assert max(answers[1:]) <= 2


def test_a_broken_query_is_not_asked_again(source: Source) -> None:
    items = [watch("plain", queries=(("q", "sum("), ("r", "1"))), watch("restart", queries=(("q", "vector(2)"),))]
    source.refresh(items, START + 130)
    before = source.prometheus.queries

    source.refresh(items, START + 145)

    assert source.prometheus.queries - before == 2


def test_a_query_that_failed_on_what_was_there_then_is_asked_again_a_minute_later(source: Source) -> None:
    """Given two series match where one may, as while pods come and go, Prometheus rejects it as it does a bad query."""
    churn = f'sum({REQUESTS}{{service="plain"}}) + on () {REQUESTS}{{service="churn-canary"}}'
    item = watch("plain", queries=(("q", churn),))

    assert "rejects the query" in read(source, item, 590).problems["q"]
    assert read(source, item, 605, 620).problems
    later = read(source, item, 635, 650, 655)

    assert later.problems == {}
    assert later.queries["q"] is not None


def test_other_sources_have_families_of_their_own(source: Source) -> None:
    """Milliseconds, another code label, another first label: one query more."""
    names = (
        "istio_requests_total",
        "response_code",
        "istio_request_duration_milliseconds",
        (Matcher("app", "=", "ms"),),
    )
    other = watch("ms", stable=Meter(*names, 0.001), candidate=Meter(*names, 0.001), latency=0.3)

    source.refresh([watch("plain"), other], START + 130)

    assert source.prometheus.queries == 3, "two families, and the bounds of a histogram without buckets"
    found = source.metrics(other)
    assert found is not None
    assert "(unknown)" in found.problems["latency"]
