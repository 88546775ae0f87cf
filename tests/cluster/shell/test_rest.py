"""What the operator costs while nothing is being released, by the API server's own audit log."""

import asyncio
import time
from collections import Counter
from functools import partial
from urllib.parse import parse_qs, urlsplit

import pytest

from headgate.api.fields import parse_moment
from headgate.cluster.client import KubeClient, connect, ref_of
from tests.cluster.shell.conftest import Bench, Manifest
from tests.cluster.shell.operator_process import until

pytestmark = pytest.mark.cluster

RELEASES = 20
WATCHED_FOR = 20.0


def at_rest(bench: Bench) -> None:
    """Deployments with their Services and releases, all in a phase that lasts."""
    for number in range(RELEASES):
        bench.apply(*bench.workload(f"shop-{number}"), bench.release(f"shop-{number}"))

    def settled() -> bool:
        items = bench.cluster.items("canaryreleases", bench.namespace)
        return len(items) == RELEASES and all((item.get("status") or {}).get("phase") == "Idle" for item in items)

    until("all releases are idle", settled, 90)


def requests(lines: list[Manifest], since: float) -> Counter[str]:
    """`verb resource` of the requests that were received after a moment."""
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(since))
    return Counter(
        f"{line['verb']} {line['objectRef']['resource']}"
        for line in lines
        if line["requestReceivedTimestamp"] >= moment and line["stage"] == "ResponseComplete"
    )


def test_at_rest_there_are_no_requests_but_the_lease_and_no_writes_on_users_objects(bench: Bench) -> None:
    operator = bench.operator()
    operator.leads()
    at_rest(bench)
    time.sleep(3)
    began, cpu = time.time() + 1, operator.cpu_seconds()
    time.sleep(WATCHED_FOR)
    used = operator.cpu_seconds() - cpu
    made = requests(bench.cluster.audit(bench.tokens[0]), began)
    print(f"\nat rest with {RELEASES} releases, in {WATCHED_FOR:g} s: {dict(made)};"
          f" CPU {100 * used / WATCHED_FOR:.2f} % of a core; RSS {operator.resident_mib():.1f} MiB")  # fmt: skip
    assert set(made) <= {"update leases", *(f"watch {kind}" for kind in WATCHED)}
    assert made["update leases"] <= WATCHED_FOR / 2 + 1
    for kind in ("deployments", "services", "canaryreleases"):
        for item in bench.cluster.items(kind, bench.namespace):
            assert_untouched(item["metadata"])


def assert_untouched(metadata: Manifest) -> None:
    """No annotation, no finalizer of ours or kopf's: what the user wrote is what is there."""
    assert "finalizers" not in metadata, metadata
    of_kubernetes = {"deployment.kubernetes.io/revision"}
    assert set(metadata.get("annotations") or {}) <= of_kubernetes, metadata


WATCHED = ("canaryreleases", "deployments", "services", "replicasets", "endpointslices", "ingresses")


def test_each_kind_is_watched_once_and_candidates_by_label(bench: Bench) -> None:
    """The server filters by the label, so at rest these watches are empty, however many ReplicaSets there are."""
    bench.operator(namespaces=[]).leads()
    watches = until("all watches are open", lambda: all_watches(bench.cluster.audit(bench.tokens[0])))
    assert set(watches) == set(WATCHED)
    labelled = {kind for kind, selector in watches.items() if selector == "headgate.dev/release"}
    assert labelled == {"replicasets", "endpointslices"}
    assert {selector for kind, selector in watches.items() if kind not in labelled} == {""}


def all_watches(lines: list[Manifest]) -> dict[str, str]:
    """The label selector of each kind's one watch, once there are as many as kinds."""
    opened = [line for line in lines if line["verb"] == "watch" and line["stage"] == "ResponseStarted"]
    assert all("/namespaces/" not in line["requestURI"] for line in opened)
    queries = {line["objectRef"]["resource"]: parse_qs(urlsplit(line["requestURI"]).query) for line in opened}
    selectors = {kind: query.get("labelSelector", [""])[0] for kind, query in queries.items()}
    return selectors if len(opened) == len(selectors) == len(WATCHED) else {}


def test_without_an_ingress_implementation_ingresses_are_not_asked_for(bench: Bench) -> None:
    bench.operator(ingress=None).leads()
    asked = {line["objectRef"]["resource"] for line in bench.cluster.audit(bench.tokens[0]) if "objectRef" in line}
    assert "services" in asked
    assert "ingresses" not in asked


async def test_from_an_event_to_its_tick_it_takes_a_moment(bench: Bench) -> None:
    """From before a release is created until the moment its first decision was made, 30 times."""
    operator = bench.operator()
    operator.leads()
    api = await connect(str(bench.cluster.lab.kubeconfig))
    client, took = KubeClient(api), []
    for name in (f"shop-{number}" for number in range(30)):
        began = time.time()
        created = await client.create(bench.release(name))
        await asyncio.to_thread(until, "it has a status", partial(bench.phase, name))
        status = (await client.get(ref_of(created)))["status"]
        took.append(parse_moment(status["conditions"][0]["lastTransitionTime"]) - began)
    await api.close()
    took.sort()
    print(f"\ncreate -> first decision: p50 {took[15] * 1000:.0f} ms, p95 {took[28] * 1000:.0f} ms")
    assert took[15] < 1.0
