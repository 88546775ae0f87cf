"""Carrying out decisions: the order, and what each surprise of the API server leads to."""

from collections.abc import Callable

import pytest

from headgate.api.fields import Manifest
from headgate.api.release import Release, read_release
from headgate.api.status import Status
from headgate.cluster.act import Actor, StaleError
from headgate.cluster.client import ApiError
from headgate.cluster.projection import Key, Projection
from headgate.release.decision import Apply, Decision, Delete, Event, Patch, Ref
from headgate.release.reasons import Reason
from tests.unit.cluster.manifests import canary_release, deployment, ingress, replica_set, service, wanted
from tests.unit.cluster.memory_api import Answer, MemoryApi, MemoryClient, Request, refusal

SHOP = Key("prod", "shop")
RELEASE = "/apis/headgate.dev/v1alpha1/namespaces/prod/canaryreleases/shop"
DEPLOYMENT = Ref("apps/v1", "Deployment", "prod", "shop")
CANARY_SERVICE = Ref("v1", "Service", "prod", "shop-canary")
CANARY_INGRESS = Ref("networking.k8s.io/v1", "Ingress", "prod", "shop-canary")
THIS = Ref("headgate.dev/v1alpha1", "CanaryRelease", "prod", "shop")
STATUS = Status(phase="Progressing", message="5 % to shop:2")


class Scene:
    """A cluster in memory with one release and its Deployment, and an actor that knows both."""

    def __init__(self) -> None:
        self.api = MemoryApi()
        self.projection = Projection(lambda _: None)
        self.events: list[Event] = []
        self.actor = Actor(MemoryClient(self.api), self.projection, self.record)
        self.projection.put(self.api.add(canary_release()))
        self.projection.put(self.api.add(deployment()))

    def record(self, _: Release, event: Event) -> None:
        self.events.append(event)

    @property
    def release(self) -> Release:
        found = self.projection.release(SHOP)
        assert found is not None
        return found

    def stored(self, path: str = RELEASE) -> Manifest:
        return self.api.objects[path]

    async def carry_out(self, decision: Decision, *, write_status: bool = True) -> bool:
        return await self.actor.carry_out(self.release, decision, write_status=write_status)


@pytest.fixture
def scene() -> Scene:
    return Scene()


def failing(on: str, answer: Answer) -> Callable[[Request], Answer | None]:
    return lambda request: answer if request.short == on else None


async def test_what_takes_traffic_away_comes_first_then_the_status_then_the_rest(scene: Scene) -> None:
    decision = Decision(
        STATUS,
        first=(Delete(CANARY_INGRESS),),
        actions=(
            Apply(wanted(service("shop-canary", owner="shop"))),
            Patch(DEPLOYMENT, "merge", {"spec": {"paused": True}}),
        ),
    )
    await scene.carry_out(decision)
    assert [short for short in scene.api.shorts if not short.startswith("GET")] == [
        "DELETE ingresses/shop-canary",
        "PATCH canaryreleases/shop/status",
        "PATCH services/shop-canary",
        "PATCH deployments/shop",
    ]


async def test_a_status_that_is_not_worth_a_write_costs_no_request(scene: Scene) -> None:
    assert await scene.carry_out(Decision(STATUS), write_status=False) is False
    assert scene.api.shorts == []


async def test_every_answer_is_known_at_once(scene: Scene) -> None:
    """Before any watch event comes."""
    await scene.carry_out(
        Decision(
            STATUS,
            actions=(
                Apply(wanted(replica_set("shop-6f9c", owner="shop"))),
                Apply(wanted(service("shop-canary", owner="shop"))),
                Patch(DEPLOYMENT, "merge", {"spec": {"paused": True}}),
            ),
        )
    )
    assert scene.release.status.message == "5 % to shop:2"
    assert [item.name for item in scene.projection.replica_sets(SHOP)] == ["shop-6f9c"]
    assert [item["metadata"]["name"] for item in scene.projection.manifests(SHOP)] == ["shop-canary"]
    target = scene.projection.deployment("prod", "shop")
    assert target is not None
    assert target.paused


async def test_the_whole_status_is_written_and_old_fields_go(scene: Scene) -> None:
    await scene.carry_out(Decision(Status(phase="Idle", rejected="abc")))
    await scene.carry_out(Decision(Status(phase="Succeeded")))
    assert "rejected" not in scene.stored()["status"]
    assert scene.stored()["status"]["phase"] == "Succeeded"


async def test_a_status_decided_on_an_older_release_is_refused_and_the_newer_one_is_read(scene: Scene) -> None:
    """So a stale leader, or one that has not seen an edit yet, cannot overwrite what was meant since."""
    old = scene.release
    scene.api.change(RELEASE, spec={**scene.stored()["spec"], "suspend": True})
    with pytest.raises(StaleError, match="CanaryRelease prod/shop changed meanwhile"):
        await scene.actor.carry_out(old, Decision(STATUS, actions=(Delete(CANARY_SERVICE),)), write_status=True)
    assert scene.api.shorts == ["PATCH canaryreleases/shop/status", "GET canaryreleases/shop"]
    assert scene.release.spec is not None
    assert scene.release.spec.suspend


async def test_a_finalizer_set_by_the_same_decision_does_not_make_its_status_stale(scene: Scene) -> None:
    finalizer = Patch(THIS, "json", [{"op": "add", "path": "/metadata/finalizers", "value": ["headgate.dev/x"]}])
    await scene.carry_out(Decision(STATUS, first=(finalizer,)))
    assert scene.stored()["status"]["phase"] == "Progressing"


async def test_the_status_of_a_release_that_is_gone_is_no_error(scene: Scene) -> None:
    release = scene.release
    del scene.api.objects[RELEASE]
    await scene.actor.carry_out(release, Decision(STATUS), write_status=True)
    assert scene.projection.release(SHOP) is None


@pytest.mark.parametrize(
    "patch",
    [
        [{"op": "test", "path": "/metadata/uid", "value": "another"}, {"op": "remove", "path": "/spec/paused"}],
        [{"op": "remove", "path": "/metadata/ownerReferences"}],
    ],
    ids=["test fails", "nothing to remove"],
)
async def test_a_json_patch_that_does_not_fit_is_no_error_but_asks_for_another_look(
    scene: Scene, patch: list[Manifest]
) -> None:
    scene.api.change("/apis/apps/v1/namespaces/prod/deployments/shop", spec=deployment(image="shop:9")["spec"])
    surprised = await scene.carry_out(Decision(STATUS, actions=(Patch(DEPLOYMENT, "json", patch),)))
    assert surprised is True
    target = scene.projection.deployment("prod", "shop")
    assert target is not None
    assert target.images == "shop:9"


async def test_a_patch_of_an_object_that_is_gone_is_no_error_and_the_object_is_forgotten(scene: Scene) -> None:
    del scene.api.objects["/apis/apps/v1/namespaces/prod/deployments/shop"]
    surprised = await scene.carry_out(Decision(STATUS, actions=(Patch(DEPLOYMENT, "merge", {"spec": {}}),)))
    assert surprised is True
    assert scene.projection.deployment("prod", "shop") is None


async def test_a_patch_that_would_make_the_object_invalid_is_an_error(scene: Scene) -> None:
    scene.api.fault = failing("PATCH deployments/shop", refusal(422, "Invalid", "spec.replicas: -1", causes=[{}]))
    with pytest.raises(ApiError, match=r"spec\.replicas: -1"):
        await scene.carry_out(Decision(STATUS, actions=(Patch(DEPLOYMENT, "json", []),)))


async def test_deleting_what_is_gone_already_is_success(scene: Scene) -> None:
    await scene.carry_out(Decision(STATUS, actions=(Delete(CANARY_SERVICE),)))
    assert scene.api.shorts[-2:] == ["DELETE services/shop-canary", "GET services/shop-canary"]


async def test_a_namesake_of_what_should_be_deleted_is_left_alone(scene: Scene) -> None:
    scene.api.add(service("shop-canary", uid="the-users"))
    await scene.carry_out(Decision(STATUS, actions=(Delete(CANARY_SERVICE, uid="ours"),)))
    assert "/api/v1/namespaces/prod/services/shop-canary" in scene.api.objects


async def test_what_was_deleted_is_forgotten_before_its_event_comes(scene: Scene) -> None:
    scene.projection.put(scene.api.add(service("shop-canary", owner="shop")))
    await scene.carry_out(Decision(STATUS, actions=(Delete(CANARY_SERVICE),)))
    assert scene.projection.manifests(SHOP) == []


async def test_what_lingers_with_a_finalizer_is_still_there(scene: Scene) -> None:
    scene.projection.put(scene.api.add(ingress("shop-canary", owner="shop", finalizers=["cloud/lb"])))
    await scene.carry_out(Decision(STATUS, actions=(Delete(CANARY_INGRESS),)))
    assert scene.projection.manifests(SHOP)[0]["metadata"]["deletionTimestamp"]


async def test_a_namesake_of_the_users_is_never_taken_over(scene: Scene) -> None:
    """Given the user has a Service shop-canary of his own, then ours is not applied by force."""
    scene.api.add(service("shop-canary"))
    with pytest.raises(ApiError) as caught:
        await scene.carry_out(Decision(STATUS, actions=(Apply(wanted(service("shop-canary", owner="shop"))),)))
    assert str(caught.value).startswith(
        "Service prod/shop-canary is there already and not Headgate's: rename or delete it"
    )
    assert caught.value.passing is False


async def test_a_namesake_of_the_users_is_not_taken_over_for_bearing_our_label(scene: Scene) -> None:
    label = {"headgate.dev/release": "shop"}
    scene.projection.see(scene.api.add(service("shop-canary", labels=label)))
    with pytest.raises(ApiError, match="is there already and not Headgate's"):
        await scene.carry_out(Decision(STATUS, actions=(Apply(wanted(service("shop-canary", owner="shop"))),)))


async def test_our_own_object_is_put_back_by_force(scene: Scene) -> None:
    ours = Apply(wanted(ingress("shop-canary", owner="shop")))
    await scene.carry_out(Decision(STATUS, actions=(ours,)))
    path = "/apis/networking.k8s.io/v1/namespaces/prod/ingresses/shop-canary"
    scene.projection.see(scene.api.change(path, managedBy="someone else"))
    await scene.carry_out(Decision(STATUS, actions=(ours,)))
    assert scene.api.requests[-1].query["force"] == "true"


async def test_events_go_to_the_recorder_in_order(scene: Scene) -> None:
    first, second = Event(Reason.RELEASED, "one"), Event(Reason.WEIGHT, "two")
    await scene.carry_out(Decision(STATUS, actions=(first, second)))
    assert scene.events == [first, second]


async def test_the_first_failure_ends_it_and_nothing_after_it_is_done(scene: Scene) -> None:
    """The next tick decides anew: what was done is seen, what was not is decided again."""
    scene.api.fault = failing("PATCH services/shop-canary", refusal(500, "InternalError", "etcd is away"))
    decision = Decision(
        STATUS, actions=(Apply(wanted(service("shop-canary", owner="shop"))), Patch(DEPLOYMENT, "merge", {"spec": {}}))
    )
    with pytest.raises(ApiError, match="apply Service prod/shop-canary failed: etcd is away"):
        await scene.carry_out(decision)
    assert "PATCH deployments/shop" not in scene.api.shorts
    assert read_release(scene.stored()).status.phase == "Progressing"


async def test_a_failed_status_write_does_not_undo_that_traffic_was_taken_away(scene: Scene) -> None:
    scene.projection.put(scene.api.add(ingress("shop-canary", owner="shop")))
    scene.api.fault = failing("PATCH canaryreleases/shop/status", refusal(403, "Forbidden", "no"))
    with pytest.raises(ApiError):
        await scene.carry_out(Decision(STATUS, first=(Delete(CANARY_INGRESS),)))
    assert "/apis/networking.k8s.io/v1/namespaces/prod/ingresses/shop-canary" not in scene.api.objects
