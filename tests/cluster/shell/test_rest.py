"""What the operator costs while nothing is being released, by the API server's own audit log."""

import asyncio
import time
from collections import Counter
from functools import partial
from urllib.parse import parse_qs, urlsplit

import pytest

from cluster.shell.conftest import SYSTEM, Bench, Manifest
from cluster.shell.operator_process import until
from headgate.api.fields import parse_moment
from headgate.cluster.client import KubeClient, connect, ref_of

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


WATCHED = ("canaryreleases", "deployments", "services", "replicasets", "endpointslices", "ingresses")


def test_kopf_writes_to_no_object_ever(bench: Bench) -> None:
    """No annotation, no finalizer: what the user wrote is what is there."""
    bench.operator().leads()
    at_rest(bench)
    for kind in ("deployments", "services", "canaryreleases"):
        for item in bench.cluster.items(kind, bench.namespace):
            metadata = item["metadata"]
            assert "finalizers" not in metadata, metadata
            ours = {"kubectl.kubernetes.io/last-applied-configuration", "deployment.kubernetes.io/revision"}
            assert set(metadata.get("annotations") or {}) <= ours, metadata


def test_candidates_and_their_endpoints_are_watched_by_label_by_the_server(bench: Bench) -> None:
    """So that at rest these watches are empty, however many ReplicaSets the cluster has."""
    bench.operator().leads()
    selectors: dict[str, set[str]] = {}
    for line in bench.cluster.audit(bench.tokens[0]):
        if line["verb"] in {"list", "watch"}:
            query = parse_qs(urlsplit(line["requestURI"]).query)
            selectors.setdefault(line["objectRef"]["resource"], set()).add(",".join(query.get("labelSelector", [""])))
    assert selectors["replicasets"] == selectors["endpointslices"] == {"headgate.dev/release"}
    assert selectors["deployments"] == selectors["services"] == selectors["canaryreleases"] == {""}


def test_without_an_ingress_implementation_ingresses_are_not_asked_for(bench: Bench) -> None:
    bench.operator(ingress=None).leads()
    asked = {line["objectRef"]["resource"] for line in bench.cluster.audit(bench.tokens[0]) if "objectRef" in line}
    assert "services" in asked
    assert "ingresses" not in asked


def test_cluster_wide_it_watches_each_kind_once(bench: Bench) -> None:
    bench.operator(namespaces=[]).leads()
    lines = bench.cluster.audit(bench.tokens[0])
    until("all watches are open", lambda: len(_watches(bench.cluster.audit(bench.tokens[0]))) == len(WATCHED), 10)
    assert all("/namespaces/" not in line["requestURI"] for line in lines if line["verb"] == "watch")
    assert SYSTEM not in "".join(line["requestURI"] for line in lines if line["verb"] == "list")


def _watches(lines: list[Manifest]) -> list[str]:
    started = [line for line in lines if line["verb"] == "watch" and line["stage"] == "ResponseStarted"]
    return [line["objectRef"]["resource"] for line in started]


async def test_from_an_event_to_its_tick_it_takes_a_moment(bench: Bench) -> None:
    """From before a release is created until the moment its first decision was made, 30 times."""
    operator = bench.operator()
    operator.leads()
    api = await connect(str(bench.cluster.lab.kubeconfig))
    client, took = KubeClient(api), []
    for name in (f"shop-{number}" for number in range(30)):
        began = time.time()
        created = await client.create(bench.release(name))
        await asyncio.to_thread(until, "it has a status", partial(bench.status, name))
        status = (await client.get(ref_of(created)))["status"]
        took.append(parse_moment(status["conditions"][0]["lastTransitionTime"]) - began)
    await api.close()
    took.sort()
    print(f"\ncreate -> first decision: p50 {took[15] * 1000:.0f} ms, p95 {took[28] * 1000:.0f} ms")
    assert took[15] < 1.0
