"""Counters by pod, read from a real Prometheus: lines as the proxies of meshes and applications write them.

To each line `pod` and `namespace` are added, as scraping does it. What a label means: istio/proxy, testdata/metric and
istio_stats.cc; linkerd2-proxy, linkerd/app/core/src/metrics.rs and linkerd/http/metrics/src/requests/report.rs.
"""

from collections.abc import Callable
from typing import Any

import pytest

from headgate.api.spec import Analysis
from headgate.metrics.endpoint import Endpoint
from headgate.metrics.source import Source
from headgate.metrics.watch import Watch
from headgate.routing.application import application_meters, counters_of
from headgate.routing.route import Backend, Route
from tests.unit.metrics.reading import MARK, START, read

ROUTE = Route(
    "prod", "shop", "u1", "shop", "shop", Backend("shop", "6f9c8d7b5", 90), Backend("shop-canary", "7d4b5c6f8", 10)
)
OLD, SECOND, NEW = "shop-6f9c8d7b5-x2x4z", "shop-6f9c8d7b5-kq8vw", "shop-7d4b5c6f8-abcde"
"""Stable's pod, one that an autoscaler adds in mid-release, and the candidate's."""

Counts = list[tuple[float, float]]


def growing(gain: float, *, begin: float = -300, first: float = 1000, until: float = 210) -> Counts:
    """Scraped every 15 s from `begin`: grows by `gain` each time, and from `until` on stays what it is."""
    moments = range(int(begin), 601, 15)
    return [(at, first + gain * (min(at, until) - begin) / 15) for at in moments]


def restarted(gain: float, after: float) -> Counts:
    """A pod that is born 15 s after the start and whose container restarts before 105 s: 6 scrapes, then `after`."""
    born = [(at, value) for at, value in growing(gain, begin=15, first=gain) if at <= 90]
    return born + growing(gain, begin=105, first=after)


class Past:
    def __init__(self) -> None:
        self.text = ""

    def add(self, pod: str, name: str, labels: str, counts: Counts, namespace: str = "prod") -> None:
        place = f'pod="{pod}",namespace="{namespace}"'
        self.text += "".join(f"{name}{{{labels},{place}}} {value} {START + at}\n" for at, value in counts)

    def histogram(self, pod: str, name: str, labels: str, timed: Counts, fast: Counts) -> None:
        """A histogram with bounds of 100 and 250 ms, in that unit."""
        self.add(pod, f"{name}_bucket", f'{labels},le="100"', [(at, 0) for at, _ in timed])
        self.add(pod, f"{name}_bucket", f'{labels},le="250"', fast)
        self.add(pod, f"{name}_bucket", f'{labels},le="+Inf"', timed)
        self.add(pod, f"{name}_count", labels, timed)
        self.add(pod, f"{name}_sum", labels, [(at, 9 * value) for at, value in timed])


def istio(reporter: str = "destination", code: str = "200", grpc: str = "") -> str:
    return (
        f'reporter="{reporter}",source_workload="traefik",source_canonical_service="traefik",'
        'source_canonical_revision="latest",source_workload_namespace="ingress",source_principal="unknown",'
        'source_app="traefik",source_version="unknown",source_cluster="Kubernetes",destination_workload="shop",'
        'destination_workload_namespace="prod",destination_principal="unknown",destination_app="shop",'
        'destination_version="v1",destination_service="shop.prod.svc.cluster.local",'
        'destination_canonical_service="shop",destination_canonical_revision="v1",destination_service_name="shop",'
        'destination_service_namespace="prod",destination_cluster="Kubernetes",'
        f'request_protocol="{"grpc" if grpc else "http"}",response_code="{code}",grpc_response_status="{grpc}",'
        'response_flags="-",connection_security_policy="none"'
    )


def add_istio(past: Past) -> None:
    requests, durations = "istio_requests_total", "istio_request_duration_milliseconds"
    past.add(OLD, requests, istio(), growing(40))
    past.add(OLD, requests, istio(code="503"), growing(1))
    past.add(OLD, requests, istio("source"), growing(5000))
    past.add(SECOND, requests, istio(), growing(20, begin=45, first=20))
    past.add(NEW, requests, istio(), restarted(10, after=3))
    past.add(NEW, requests, istio(grpc="14"), growing(0, begin=60, first=2))
    past.add(NEW, requests, istio(grpc="5"), growing(0, begin=60, first=4))
    past.add(NEW, requests, istio("source", code="503"), growing(70, begin=15, first=70))
    past.add("shop-api-6f9c8d7b5-x2x4z", requests, istio(code="500"), growing(90))
    past.add(OLD, requests, istio(code="500"), growing(90), namespace="test")
    past.histogram(OLD, durations, istio(), growing(40), growing(38))
    past.histogram(NEW, durations, istio(), restarted(10, after=3), restarted(5, after=1))


def linkerd(
    port: int = 8080, route: str = "default", code: str = "200", result: str = "success", grpc: str = ""
) -> str:
    return (
        f'direction="inbound",target_addr="0.0.0.0:{port}",target_ip="0.0.0.0",target_port="{port}",'
        'tls="no_identity",no_tls_reason="no_tls_from_remote",srv_group="",srv_kind="default",'
        f'srv_name="all-unauthenticated",srv_port="{port}",route_group="",route_kind="default",route_name="{route}",'
        'authz_group="",authz_kind="default",authz_name="all-unauthenticated",'
        f'status_code="{code}",classification="{result}",grpc_status="{grpc}",error=""'
    )


OUTBOUND = 'direction="outbound",authority="cart.prod.svc.cluster.local:80",target_port="80",dst_service="cart"'


def add_linkerd(past: Past) -> None:
    requests, durations = "response_total", "response_latency_ms"
    past.add(OLD, requests, linkerd(), growing(40))
    past.add(OLD, requests, linkerd(code="503", result="failure"), growing(1))
    past.add(OLD, requests, f'{OUTBOUND},status_code="200",classification="success"', growing(5000))
    past.add(SECOND, requests, linkerd(), growing(20, begin=45, first=20))
    past.add(NEW, requests, linkerd(), restarted(10, after=3))
    past.add(NEW, requests, linkerd(result="failure", grpc="14"), growing(0, begin=60, first=2))
    past.add(NEW, requests, linkerd(grpc="5"), growing(0, begin=60, first=4))
    past.add(NEW, requests, linkerd(4191, code="503", result="failure"), growing(0, begin=15, first=3))
    past.add(NEW, requests, linkerd(4191), growing(2, begin=15, first=2))
    past.add(NEW, requests, linkerd(route="probe"), growing(3, begin=15, first=3))
    past.add("shop-api-6f9c8d7b5-x2x4z", requests, linkerd(code="500", result="failure"), growing(90))
    by_status = linkerd().partition(",classification")[0]
    past.histogram(OLD, durations, by_status, growing(40), growing(38))
    past.histogram(NEW, durations, by_status, restarted(10, after=3), restarted(5, after=1))
    past.histogram(NEW, durations, by_status.replace("8080", "4191"), restarted(7, after=7), restarted(0, after=0))


APPLICATION: dict[str, Any] = {
    "requests": "rpc_handled_total",
    "codeLabel": "outcome",
    "failures": ["SERVER_ERROR", "timeout"],
    "grpcLabel": "grpc_code",
    "durations": "rpc_handling_ms",
    "unit": "ms",
    "labels": {"side": "ser'ver"},
    "without": {"path": ["/healthz", "/ready(z)?"]},
}


def application(path: str = "/buy", outcome: str = "SUCCESS", grpc: str = "OK", side: str = "ser'ver") -> str:
    return f'side="{side}",path="{path}",outcome="{outcome}",grpc_code="{grpc}"'


def add_application(past: Past) -> None:
    requests, durations = APPLICATION["requests"], APPLICATION["durations"]
    past.add(OLD, requests, application(), growing(40))
    past.add(OLD, requests, application(outcome="timeout"), growing(1))
    past.add(OLD, requests, application(side="client"), growing(5000))
    past.add(SECOND, requests, application(), growing(20, begin=45, first=20))
    past.add(NEW, requests, application(), restarted(10, after=3))
    past.add(NEW, requests, application(grpc="Unavailable", outcome=""), growing(0, begin=60, first=2))
    past.add(NEW, requests, application(grpc="NotFound", outcome=""), growing(0, begin=60, first=4))
    past.add(NEW, requests, application("/healthz", "SERVER_ERROR"), growing(30, begin=15, first=30))
    past.add(NEW, requests, application("/ready(z)?"), growing(30, begin=15, first=30))
    past.histogram(OLD, durations, application(), growing(40), growing(38))
    past.histogram(NEW, durations, application(), restarted(10, after=3), restarted(5, after=1))
    past.histogram(NEW, durations, application("/healthz"), restarted(7, after=7), restarted(0, after=0))


def add_mute(past: Past) -> None:
    """An application whose new version has lost the label with the status."""
    past.add(OLD, "http_requests_total", 'code="200"', growing(40))
    past.add(NEW, "http_requests_total", 'path="/"', growing(10, begin=15, first=10))


WAYS: dict[str, dict[str, Any]] = {
    "Istio": {"mesh": "Istio"}, "Linkerd": {"mesh": "Linkerd"}, "application": {"application": APPLICATION}
}  # fmt: skip


@pytest.fixture(scope="module")
def url(run_prometheus: Callable[..., str]) -> str:
    past = Past()
    for add in (add_istio, add_linkerd, add_application, add_mute):
        add(past)
    return run_prometheus(past.text)


def watch(way: dict[str, Any], name: str = "shop", latency: float | None = 0.25) -> Watch:
    stable, candidate = application_meters(ROUTE, counters_of(Analysis.model_validate(way)))
    return Watch(("prod", name), "default", stable, candidate, START, (MARK,), 15.0, latency)


@pytest.mark.parametrize("way", WAYS)
def test_each_version_has_its_own_pods_requests_and_failures(source: Source, way: str) -> None:
    """Stable: 14 scrapes of 41 of a pod and 12 of 20 of one born at 45 s. Candidate: 60 until its restart, 73 after it,
    and 6 calls by gRPC, of which the 2 that found the server unavailable failed.
    """
    found = read(source, watch(WAYS[way]), 310)

    assert (found.problem, found.problems) == ("", {})
    stable, candidate = ([getattr(item, arm) for item in found.intervals] for arm in ("stable", "candidate"))
    assert (sum(one.requests for one in stable), sum(one.errors for one in stable)) == (14 * 41 + 12 * 20, 14)
    assert (sum(one.requests for one in candidate), sum(one.errors for one in candidate)) == (60 + 73 + 6, 2)


@pytest.mark.parametrize("way", WAYS)
def test_slow_requests_are_those_above_a_bound_in_milliseconds(source: Source, way: str) -> None:
    found = read(source, watch(WAYS[way]), 310)

    slow = [
        (item.stable.timed, item.stable.slow, item.candidate.timed, item.candidate.slow) for item in found.intervals
    ]
    assert [sum(column) for column in zip(*slow, strict=True)] == [14 * 40, 14 * 2, 60 + 73, 30 + 37]


@pytest.mark.parametrize("way", WAYS)
def test_bounds_in_milliseconds_are_offered_where_there_is_none(source: Source, way: str) -> None:
    said = read(source, watch(WAYS[way], latency=0.3), 310).problems["latency"]

    assert "has no bucket at 300ms: set spec.analysis.latency.below to one of its bounds (100ms, 250ms)" in said


@pytest.mark.parametrize("way", WAYS)
def test_check_by_check_is_what_a_restarted_operator_reads(source: Source, url: str, way: str) -> None:
    live = read(source, watch(WAYS[way]), *range(1, 310, 13), 310)

    restarted = Source("default", Endpoint(url=url))
    assert live == read(restarted, watch(WAYS[way]), 310)
    restarted.prometheus.close()


def test_all_releases_of_a_mesh_share_one_query_and_its_server_leaves_out_what_none_needs(source: Source) -> None:
    """A pod's own calls to others have more series than what it was asked."""
    asked: list[Any] = []
    query = source.prometheus.query

    def noted(*arguments: Any, **more: Any) -> Any:
        answer = query(*arguments, **more)
        asked.append([item["metric"] for item in answer])
        return answer

    source.prometheus.query = noted  # type: ignore[method-assign]
    source.refresh([watch(WAYS["Istio"], f"shop-{number}") for number in range(50)], START + 310)

    assert len(asked) == 1
    assert {labels["reporter"] for labels in asked[0]} == {"destination"}


def test_any_value_of_a_label_can_be_asked_for(source: Source) -> None:
    """Quotes and backslashes come from specs, and all releases share a query."""
    odd = {"labels": {"side": 'a"b\\c\n'}, "without": {"path": ['a"b\\c\n', " -#&~"]}}

    found = read(source, watch({"application": APPLICATION | odd}), 310)

    assert "has no series rpc_handled_total" in found.problem


def test_a_version_whose_counter_has_lost_its_status_is_said(source: Source) -> None:
    """Its failures would be taken for successes."""
    found = read(source, watch({"application": {}}, latency=None), 310)

    assert found.problem == (
        "the series of http_requests_total have no label code, so that no failure could be seen:"
        " set spec.analysis.application.codeLabel to the one that has the status"
    )
