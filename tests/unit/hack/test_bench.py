"""The benchmark reads logs as API server and Prometheus write them, and says plainly what keeps to the budget."""

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from bench import audit, budget, queries, report
from bench.audit import Request
from bench.budget import Measured
from bench.findings import Rest, Round, Rounds, measured
from bench.latency import first_weight, quantile, time_back
from bench.queries import Query
from demo.shop import Shop

OPERATOR = "system:serviceaccount:headgate-system:headgate"
SHOP = Shop("shop-1", "bench", 2, {})
HASH = "shop-1-6f9c"

FOUND = Measured(
    moving=10,
    resting=11,
    rest_seconds=60.0,
    rest_requests=Counter(),
    release_seconds=45.0,
    release_requests=Counter({"patch canaryreleases/status": 12, "get ingresses": 1}),
    release_queries=18,
    sent=5000,
    lost=0,
    queries_of_one=[2, 2, 3],
    queries_of_all=[2, 2],
    first_weights=[0.2, 0.3, 0.4],
    first_weights_at_once=[0.9],
    times_back=[0.1, 0.2],
    times_back_at_once=[0.5],
    memory_moving=70 * 2**20,
    memory_at_rest=65 * 2**20,
    cpu_at_rest=0.003,
)


def entry(at: float, verb: str, resource: str, name: str = "", user: str = OPERATOR, **more: Any) -> str:
    """A line of the audit log: asked at `at` seconds, answered 20 ms later."""
    kind, _, subresource = resource.partition("/")
    line = {
        "stage": "ResponseComplete",
        "verb": verb,
        "user": {"username": user},
        "objectRef": {"resource": kind, "subresource": subresource, "namespace": "bench", "name": name},
        "requestURI": f"/apis/{resource}/{name}",
        "responseStatus": {"code": 200},
        "requestReceivedTimestamp": f"2026-01-31T12:00:{at:09.6f}Z",
        "stageTimestamp": f"2026-01-31T12:00:{at + 0.02:09.6f}Z",
        **more,
    }
    return json.dumps(line)


def pod_says(at: float, name: str, ready: str) -> str:
    """What a kubelet writes about a pod."""
    status = {"conditions": [{"type": "Initialized", "status": "True"}, {"type": "Ready", "status": ready}]}
    return entry(at, "patch", "pods/status", name, "system:node:lab", requestObject={"status": status})


RELEASE = [
    entry(0.90, "patch", "deployments", "shop-1", "admin", requestURI="/apis/apps/v1/shop-1?dryRun=All"),
    entry(1.00, "patch", "deployments", "shop-1", "admin"),
    entry(1.10, "patch", "canaryreleases/status", "shop-1"),
    entry(1.20, "patch", "replicasets", HASH),
    entry(1.25, "update", "deployments", "shop-1", "system:serviceaccount:kube-system:deployment-controller"),
    pod_says(1.50, f"{HASH}-aaaaa", "False"),
    pod_says(2.00, f"{HASH}-aaaaa", "True"),
    pod_says(2.50, f"{HASH}-bbbbb", "True"),
    pod_says(2.55, "shop-10-6f9c-ccccc", "True"),
    entry(2.70, "patch", "ingresses", "shop-1-canary"),
    pod_says(3.00, f"{HASH}-ddddd", "True"),
    entry(9.00, "delete", "ingresses", "shop-1-canary"),
]
REQUESTS = list(audit.read(RELEASE))
MIDNIGHT = REQUESTS[0].received - 0.9


def test_requests_are_counted_by_what_they_ask_for_but_watches_and_the_lease() -> None:
    lines = [
        entry(1, "get", "ingresses", "shop-1"),
        entry(2, "patch", "canaryreleases/status", "shop-1"),
        entry(3, "patch", "canaryreleases/status", "shop-1"),
        entry(4, "watch", "deployments"),
        entry(5, "update", "leases", "headgate"),
        entry(6, "patch", "deployments", "shop-1", "alice"),
        entry(40, "create", "events"),
    ]
    requests = list(audit.read(lines))

    counts = audit.counted(requests, OPERATOR, MIDNIGHT, MIDNIGHT + 30)

    assert counts == {"get ingresses": 1, "patch canaryreleases/status": 2}
    assert audit.writes_among(counts) == 2


def test_a_request_that_is_no_resource_is_known_by_its_path() -> None:
    (request,) = audit.read([entry(1, "get", "", objectRef=None, requestURI="/apis?timeout=5s")])

    assert request.resource == "/apis"


def test_a_watch_that_has_only_begun_is_no_request_yet() -> None:
    assert not list(audit.read([entry(1, "watch", "deployments", stage="ResponseStarted")]))


def test_the_way_to_the_first_weight_leaves_out_what_the_pods_take() -> None:
    """0.20 s until the ReplicaSet was there, and 0.20 s from the last pod that counts to the weight."""
    found = first_weight(REQUESTS, SHOP, OPERATOR, MIDNIGHT)

    assert found is not None
    assert found.changed == pytest.approx(MIDNIGHT + 1.02)
    assert found.ready == pytest.approx(MIDNIGHT + 2.52)
    assert found.own == pytest.approx(0.40)


@pytest.mark.parametrize("missing", ["deployments", "replicasets", "pods/status", "ingresses"])
def test_a_release_that_did_not_get_so_far_has_no_first_weight(missing: str) -> None:
    some = [request for request in REQUESTS if request.resource != missing]

    assert first_weight(some, SHOP, OPERATOR, MIDNIGHT) is None


def test_a_refused_write_is_no_weight() -> None:
    refused = [replace(request, code=409) if request.resource == "ingresses" else request for request in REQUESTS]

    assert first_weight(refused, SHOP, OPERATOR, MIDNIGHT) is None


def test_the_way_back_begins_with_the_last_answer_of_prometheus() -> None:
    answers = [MIDNIGHT + 3.9, MIDNIGHT + 8.9, MIDNIGHT + 13.9]

    assert time_back(REQUESTS, SHOP, OPERATOR, answers, MIDNIGHT) == pytest.approx(0.12)


def test_no_way_back_without_the_removal_of_the_route_or_an_answer_before_it() -> None:
    assert time_back(REQUESTS[:-1], SHOP, OPERATOR, [MIDNIGHT], MIDNIGHT) is None
    assert time_back(REQUESTS, SHOP, OPERATOR, [MIDNIGHT + 13.9], MIDNIGHT) is None


@pytest.mark.parametrize(("share", "value"), [(0.5, 10), (0.95, 19), (0.96, 20), (1.0, 20), (0.0, 1)])
def test_a_quantile_is_one_of_the_values(share: float, value: int) -> None:
    assert quantile(range(20, 0, -1), share) == value


def test_queries_of_others_are_not_counted() -> None:
    lines = [
        json.dumps(
            {
                "time": f"2026-01-31T12:00:0{second}.5Z",
                "params": {"end": f"2026-01-31T12:00:0{second}.400Z"},
                "httpRequest": {"clientIP": client},
            }
        )
        for second, client in enumerate(["10.244.0.5", "10.200.0.1", "10.244.0.6"])
    ]

    found = list(queries.read(lines, {"10.244.0.5", "10.244.0.6"}))

    assert [round(query.answered - MIDNIGHT, 1) for query in found] == [0.5, 2.5]


def test_queries_about_the_same_moment_are_one_check_however_long_it_takes() -> None:
    asked = [(1.0, "a"), (1.1, "a"), (6.0, "b"), (6.1, "c"), (8.2, "b"), (8.3, "b"), (20.0, "d")]

    assert queries.checks([Query(*item) for item in asked], 2.0, 15.0) == [3, 1]


def test_checks_count_while_every_release_of_the_round_has_traffic() -> None:
    """One check before the first weight and one after the removal of the route do not count."""
    good = Round([SHOP], MIDNIGHT, MIDNIGHT + 20, MIDNIGHT + 23, 100, 0, 1)
    moments = [1.5, 1.6, 1.7, 4.0, 4.1, 9.5, 9.6, 9.7]

    found = measured(
        Rounds(good, good, good, good),
        Rest(11, MIDNIGHT + 20, MIDNIGHT + 80, 1, 0.0),
        REQUESTS,
        [Query(MIDNIGHT + moment, f"{moment:.0f}") for moment in moments],
        operator=OPERATOR,
    )

    assert found.queries_of_one == [2]
    assert found.release_queries == len(moments)
    assert found.first_weights == pytest.approx([0.40] * 3)
    assert found.first_weights_at_once == pytest.approx([0.40])
    assert found.times_back == pytest.approx([4.92])
    assert found.release_requests.total() == 4
    assert found.rest_requests.total() == 0


def test_a_run_within_the_budget_breaks_no_line() -> None:
    assert budget.broken(budget.rows(FOUND)) == []


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"rest_requests": Counter({"get ingresses": 1})}, "API requests at rest"),
        ({"release_requests": Counter({"create events": 31})}, "API requests for one five-step release"),
        ({"lost": 1}, "requests lost"),
        ({"queries_of_one": [2, 5]}, "Prometheus queries for one check, 1 release "),
        ({"queries_of_all": [5]}, "Prometheus queries for one check, 10 releases"),
        ({"first_weights": [0.1] * 18 + [0.61, 0.62]}, "template change to first weight"),
        ({"times_back": [0.31]}, "bad verdict to weight 0"),
        ({"memory_moving": 81 * 2**20}, "RSS with 10 releases moving"),
        ({"memory_at_rest": 111 * 2**20}, "RSS with 11 at rest"),
        ({"cpu_at_rest": 0.0051}, "CPU with 11 at rest"),
    ],
)
def test_each_line_of_the_budget_can_be_broken(changed: dict[str, Any], line: str) -> None:
    (broken,) = budget.broken(budget.rows(replace(FOUND, **changed)))

    assert broken.what.startswith(line)


def test_what_was_not_measured_neither_holds_nor_is_broken() -> None:
    empty: dict[str, Any] = {"queries_of_one": [], "queries_of_all": [], "first_weights": [], "times_back": []}
    nothing = replace(FOUND, sent=0, first_weights_at_once=[], times_back_at_once=[], **empty)

    unknown = [row for row in budget.rows(nothing) if row.holds is None]

    assert len(unknown) == 7
    assert not budget.broken(unknown)
    assert all(row.measured in {"none", "no check", "0 of 0"} for row in unknown)


def test_the_page_has_every_line_in_columns_and_says_which_are_over() -> None:
    lines = budget.rows(replace(FOUND, lost=3))

    page = report.page(FOUND, lines, cores=2)

    found = [line for line in page.splitlines() if line.startswith("| ")]
    assert len({len(line) for line in found[: len(lines) + 2]}) == 1
    assert sum("| NO " in line for line in found) == 1
    assert "| patch canaryreleases/status | 12    |" in page


def test_the_page_says_why_a_release_costs_more_than_it_may_where_it_does() -> None:
    costly = replace(FOUND, release_requests=Counter({"create events": 31}))

    reason = "They are more than 30 because each of the 6 weights"
    assert reason not in report.page(FOUND, budget.rows(FOUND), cores=2)
    assert reason in report.page(costly, budget.rows(costly), cores=2)


def test_a_request_is_read_with_its_moments_and_body() -> None:
    (request,) = audit.read([pod_says(1.5, "shop-1-6f9c-aaaaa", "True")])

    assert isinstance(request, Request)
    assert request.answered - request.received == pytest.approx(0.02)
    assert request.body["status"]["conditions"][1] == {"type": "Ready", "status": "True"}
