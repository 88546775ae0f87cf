"""Bad days: the API server answers 429, 500 or nothing, connections break, deletions fall into a gap of the watch."""

import re
import time
from collections.abc import Callable
from functools import partial

import pytest
from aiohttp import web

from tests.cluster.shell.conftest import Bench
from tests.cluster.shell.faulty_proxy import Fault
from tests.cluster.shell.operator_process import until

pytestmark = pytest.mark.cluster


def some(pattern: str, times: int, fault: Callable[[], web.Response | str]) -> Fault:
    """The fault for the first so many requests whose method and path match."""
    left = [times]

    def answer(request: web.Request) -> web.Response | str | None:
        if left[0] and re.search(pattern, f"{request.method} {request.path}"):
            left[0] -= 1
            return fault()
        return None

    return answer


def refusal(status: int, **headers: str) -> Callable[[], web.Response]:
    body = {"kind": "Status", "code": status, "reason": "Because", "message": "the test says no"}
    return lambda: web.json_response(body, status=status, headers=headers)


TROUBLES: list[tuple[str, int, Callable[[], web.Response | str]]] = [
    ("429 with Retry-After", 3, refusal(429, **{"Retry-After": "1"})),
    ("500", 3, refusal(500)),
    ("503", 3, refusal(503)),
    ("connections that break", 3, lambda: "cut"),
    ("no answer", 1, lambda: "hang"),
]


def test_a_status_write_gets_through_after_a_few_failures(bench: Bench) -> None:
    proxy = bench.proxy()
    operator = bench.operator(proxy.url)
    operator.leads()
    for number, (trouble, times, fault) in enumerate(TROUBLES):
        name = f"shop-{number}"
        proxy.fault = some(rf"PATCH .*/canaryreleases/{name}/status", times, fault)
        bench.apply(bench.release(name))
        until(f"written in spite of {trouble}", partial(bench.phase, name), 40)
        attempts = [line for line in proxy.seen if line.startswith("PATCH") and f"/{name}/status" in line]
        assert len(attempts) == times + 1, (trouble, attempts)
    assert operator.process.poll() is None


def test_the_first_lists_are_tried_again(bench: Bench) -> None:
    """A rolling upgrade of the control plane as the operator starts."""
    proxy = bench.proxy()
    proxy.fault = some(r"GET .*/(deployments|services|canaryreleases)$", 6, refusal(500))
    operator = bench.operator(proxy.url)
    operator.leads(60)
    bench.apply(bench.release())
    until("it works", lambda: bench.phase() == "Stalled")


def test_watches_that_break_go_on_where_they_were(bench: Bench) -> None:
    proxy = bench.proxy()
    bench.operator(proxy.url).leads()
    for number in range(3):
        proxy.cut()
        bench.apply(bench.release(f"shop-{number}"))
    until("all are seen", lambda: all(bench.phase(f"shop-{number}") == "Stalled" for number in range(3)))


def test_a_watch_that_is_answered_410_is_listed_anew_and_ghosts_are_forgotten(bench: Bench) -> None:
    """Given a Deployment is deleted while the watch is blind, and the server no longer knows what happened then."""
    proxy = bench.proxy()
    operator = bench.operator(proxy.url)
    operator.leads()
    bench.apply(*bench.workload(), bench.release())
    until("the release is at rest", lambda: bench.phase() == "Idle", 60)
    proxy.fault = lambda request: "cut" if request.query.get("watch") else None
    proxy.cut()
    bench.cluster.kubectl("delete", "deployment", "shop", "-n", bench.namespace)

    def expired(request: web.Request) -> web.Response | None:
        if not request.query.get("watch") or "deployments" not in request.path or request.path in answered:
            return None
        answered.add(request.path)
        error = '{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}}\n'
        return web.Response(text=error, content_type="application/json")

    answered: set[str] = set()
    proxy.fault = expired
    until("the deployment is missed", lambda: "deployment shop not found" in bench.message(), 90)
    assert answered


def test_a_missing_right_stands_in_the_status_and_goes_when_it_is_given(bench: Bench) -> None:
    """The operator may read the target through its watch, but a look-up it needs is refused."""
    proxy = bench.proxy()
    operator = bench.operator(proxy.url)
    operator.leads()
    message = (
        'replicasets.apps is forbidden: User "x" cannot list resource "replicasets" in API group "apps"'
        f' in the namespace "{bench.namespace}"'
    )
    body = {"kind": "Status", "code": 403, "reason": "Forbidden", "message": message}
    proxy.fault = lambda request: (
        web.json_response(body, status=403) if "labelSelector=app" in request.path_qs.replace("%3D", "=") else None
    )
    bench.apply(*bench.workload(), bench.release())
    sentence = (
        f"Headgate may not list replicasets.apps in namespace {bench.namespace}: give its ServiceAccount this right"
    )
    until("the status says it", lambda: bench.message().startswith(sentence))
    conditions = {item["type"]: item["status"] for item in bench.status()["conditions"]}
    assert conditions == {"Ready": "False", "Stalled": "True"}
    proxy.heal()
    until("the release is at rest", lambda: bench.phase() == "Idle", 90)


def test_a_proxy_that_hangs_for_good_costs_the_lease_and_nothing_else(bench: Bench) -> None:
    proxy = bench.proxy()
    operator = bench.operator(proxy.url)
    operator.leads()
    began = time.monotonic()
    proxy.fault = lambda _: "hang"
    assert operator.ends(20) == 1
    print(f"\nended {time.monotonic() - began:.1f} s after the API server began to hang")
