"""The surroundings of a release as one value, and what each part of it costs."""

import asyncio

import pytest

from headgate.api.spec import Spec
from headgate.cluster.client import ApiError
from headgate.cluster.observe import Observer, selector_text
from headgate.cluster.projection import Key, Projection
from headgate.cluster.resources import ENTRIES, Resource
from headgate.release.observation import UNKNOWN
from headgate.routing.ingress import IngressRouter
from headgate.routing.route import Router
from headgate.routing.selector import SelectorRouter
from headgate.workloads.autoscaler import Autoscaler
from tests.unit.cluster.manifests import (
    canary_release,
    deployment,
    endpoint_slice,
    ingress,
    release,
    replica_set,
    service,
)
from tests.unit.cluster.memory_api import MemoryApi, MemoryClient, refusal

SHOP = Key("prod", "shop")
WITH_INGRESS = {"ingress": "shop"}


def router_for(spec: Spec | None) -> Router:
    return IngressRouter() if spec and spec.traffic.ingress else SelectorRouter()


class Scene:
    def __init__(self, entries: tuple[Resource, ...] = ENTRIES) -> None:
        self.api = MemoryApi()
        self.projection = Projection(lambda _: None)
        self.observer = Observer(
            MemoryClient(self.api), self.projection, router_for, policies=lambda: True, entries=entries
        )


@pytest.fixture
def scene() -> Scene:
    scene = Scene()
    scene.projection.see(canary_release(traffic=WITH_INGRESS))
    return scene


async def test_what_the_watches_told_costs_no_request(scene: Scene) -> None:
    for manifest in (
        deployment(),
        service(),
        ingress(),
        replica_set("shop-6f9c", owner="shop"),
        service("shop-canary", owner="shop"),
        ingress("shop-canary", owner="shop"),
        endpoint_slice("shop-canary", owner="shop", ready=("shop-6f9c-a", "shop-6f9c-b")),
    ):
        scene.projection.see(manifest)
    seen = await scene.observer.observe(release(traffic=WITH_INGRESS))
    assert scene.api.requests == []
    assert seen.target is not None
    assert seen.service is not None
    assert seen.entry is not None
    assert seen.candidate is not None
    assert (seen.target.name, seen.service.name, seen.entry["metadata"]["name"]) == ("shop", "shop", "shop")
    assert seen.candidate.name == "shop-6f9c"
    assert [item["kind"] for item in seen.ours] == ["Ingress", "Service"]
    assert seen.endpoints == {"shop-6f9c-a", "shop-6f9c-b"}
    assert (seen.replica_sets, seen.stable_endpoints, seen.autoscaler) == (UNKNOWN, UNKNOWN, UNKNOWN)
    assert seen.router.name == "ingress"


async def test_what_no_watch_has_told_of_is_asked_for_once(scene: Scene) -> None:
    scene.api.add(deployment())
    scene.api.add(service())
    await scene.observer.observe(release(traffic=WITH_INGRESS))
    seen = await scene.observer.observe(release(traffic=WITH_INGRESS))
    assert scene.api.shorts == ["GET deployments/shop", "GET services/shop", "GET ingresses/shop"]
    assert (seen.target is not None, seen.service is not None, seen.entry) == (True, True, None)


async def test_an_operator_without_ingresses_does_not_ask_for_them() -> None:
    """It has no right to."""
    scene = Scene(entries=())
    scene.projection.see(canary_release(traffic=WITH_INGRESS))
    await scene.observer.observe(release(traffic=WITH_INGRESS))
    assert scene.api.shorts == ["GET deployments/shop", "GET services/shop"]


async def test_a_spec_that_cannot_be_read_has_no_surroundings(scene: Scene) -> None:
    seen = await scene.observer.observe(release(spec={"targetRef": {"kind": "StatefulSet"}}))
    assert (seen.target, seen.service, scene.api.requests) == (None, None, [])


async def test_a_failed_look_is_an_error_and_not_an_absence(scene: Scene) -> None:
    """An API server that answers 500 must not look like a Deployment that was deleted."""
    scene.api.fault = lambda _: refusal(500, "InternalError", "etcd is away")
    with pytest.raises(ApiError, match="etcd is away"):
        await scene.observer.observe(release(traffic=WITH_INGRESS))


async def test_the_candidate_is_the_one_that_the_status_knows(scene: Scene) -> None:
    scene.projection.see(replica_set("shop-aaaa", owner="shop"))
    scene.projection.see(replica_set("shop-zzzz", owner="shop"))
    known = release(status={"candidate": {"revision": "aaaa"}})
    seen = await scene.observer.observe(known)
    assert seen.candidate is not None
    assert seen.candidate.name == "shop-aaaa"
    seen = await scene.observer.observe(release())
    assert seen.candidate is not None
    assert seen.candidate.name == "shop-zzzz"


async def test_while_a_release_moves_its_own_service_and_ingress_count_whatever_the_spec_names_by_now(
    scene: Scene,
) -> None:
    """Else its traffic could not be returned: the pin and the endpoints are those of the Service that carries it."""
    elsewhere = {"service": "cart", "ingress": "cart"}
    entry = {"kind": "Ingress", "name": "shop"}
    status = {"progress": {"stage": "Step", "since": 0, "startedAt": 0, "service": "shop", "entry": entry}}
    edited = release(traffic=elsewhere, status=status)
    scene.projection.see(canary_release(traffic=elsewhere, status=status))
    for manifest in (service(), ingress(), service("cart"), ingress("cart")):
        scene.projection.see(manifest)
    scene.api.add(endpoint_slice("shop", ready=("shop-6f9c-a",)))
    seen = await scene.observer.observe(edited)
    assert seen.service is not None
    assert seen.entry is not None
    assert (seen.service.name, seen.entry["metadata"]["name"]) == ("shop", "shop")
    seen = await scene.observer.look(edited, seen, ["stable_endpoints"])
    assert seen.stable_endpoints == frozenset({"shop-6f9c-a"})


async def test_only_the_candidates_own_service_tells_its_endpoints(scene: Scene) -> None:
    """A Service of the user's with our label gives it to its EndpointSlices, and may count pods that are not ready."""
    scene.projection.see(endpoint_slice("shop-canary", owner="shop", ready=("shop-6f9c-a",)))
    scene.projection.see(endpoint_slice("elsewhere", owner="shop", ready=("shop-6f9c-b",)))
    seen = await scene.observer.observe(release(traffic=WITH_INGRESS))
    assert seen.endpoints == {"shop-6f9c-a"}


async def test_facts_are_looked_up_one_request_each(scene: Scene) -> None:
    scene.projection.see(deployment())
    for manifest in (
        replica_set("shop-6f9c"),
        endpoint_slice("shop", ready=("shop-6f9c-a",)),
        endpoint_slice("other", ready=("other-a",)),
        {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "shop", "namespace": "prod"},
            "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "shop"}},
        },
    ):
        scene.api.add(manifest)
    shop = release()
    around = await scene.observer.observe(shop)
    seen = await scene.observer.look(shop, around, ("replica_sets", "stable_endpoints", "autoscaler"))
    assert [item.name for item in seen.replica_sets] == ["shop-6f9c"]  # type: ignore[union-attr]
    assert seen.stable_endpoints == frozenset({"shop-6f9c-a"})
    assert seen.autoscaler == Autoscaler("shop", None)
    lists = [request for request in scene.api.requests if request.method == "GET" and "labelSelector" in request.query]
    assert {request.query["labelSelector"] for request in lists} == {"app=shop", "kubernetes.io/service-name=shop"}


@pytest.mark.looptime
async def test_facts_are_looked_up_at_the_same_time(scene: Scene) -> None:
    """They hold up the first weight of a release."""
    shop = release()
    scene.projection.see(deployment())
    around = await scene.observer.observe(shop)
    scene.api.latency, began = 1.0, asyncio.get_running_loop().time()
    await scene.observer.look(shop, around, ("replica_sets", "autoscaler"))
    assert asyncio.get_running_loop().time() == began + 1.0


async def test_without_an_autoscaler_the_fact_says_so(scene: Scene) -> None:
    shop = release()
    seen = await scene.observer.look(shop, await scene.observer.observe(shop), ["autoscaler"])
    assert seen.autoscaler == "none"


def test_a_selector_is_written_as_a_query_takes_it() -> None:
    selector = {
        "matchLabels": {"b": "2", "a": "1"},
        "matchExpressions": [
            {"key": "tier", "operator": "In", "values": ["web", "edge"]},
            {"key": "zone", "operator": "NotIn", "values": ["x"]},
            {"key": "app", "operator": "Exists"},
            {"key": "canary", "operator": "DoesNotExist"},
        ],
    }
    assert selector_text(selector) == "a=1,b=2,tier in (web,edge),zone notin (x),app,!canary"
