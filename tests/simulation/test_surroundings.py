"""What others do to the surroundings of a release that moves: the user's objects, those made for it, its own spec."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from headgate.api.names import FIELD_MANAGER, KIND, POD_TEMPLATE_HASH
from headgate.api.release import read_release
from headgate.api.status import Status
from headgate.release.decision import Action, Patch
from headgate.release.machine import decide
from headgate.release.observation import Observation
from headgate.routing.ingress import IngressRouter
from headgate.routing.selector import SelectorRouter
from headgate.routing.service import read_service
from headgate.workloads.deployment import read_deployment
from tests.simulation import manifests
from tests.simulation.controllers import Pod
from tests.simulation.operator import CrashError
from tests.simulation.test_release import BAD, QUICK, assert_nothing_left, assert_whole
from tests.simulation.world import World, resting

LONG: dict[str, Any] = {"steps": QUICK, "bake": "2m"}
SERVICE: dict[str, Any] = {"traffic": {"service": "shop"}, "analysis": {"enabled": False}}

LOST = ("Return", "Keep")
"""Stages in which the candidate has lost its traffic."""


def stage(world: World) -> str:
    """What the release is doing; empty where none moves."""
    return world.status.progress.stage if world.status.progress else ""


def moved_to(world: World, wanted: str) -> World:
    """The world once its release of shop:2 is in a stage, with traffic on the candidate unless it lost it.

    Adoption is over in no time: there the operator dies just before its first write.
    """
    if wanted == "Adopt":
        crash_at(world, "Adopt", 2)
    for _ in range(900):
        progress = world.status.progress
        if progress and progress.stage == wanted and (progress.weight or wanted in LOST):
            return world
        world.advance(1)
    raise AssertionError(f"never in stage {wanted}: {world.told()}")


def moving(wanted: str, *, policies: bool = True, **spec: Any) -> World:
    """A world in which a release of shop:2 is in a stage; one that it loses its traffic in since it is bad."""
    world = resting(policies=policies, **{**LONG, **spec, **({"onFailure": "Hold"} if wanted == "Keep" else {})})
    if wanted in LOST:
        world.proxy.error_rates.update(BAD)
    world.user_releases("shop:2")
    return moved_to(world, wanted)


def pods_of(world: World, image: str) -> list[Pod]:
    """The pods of a version that are not being deleted."""
    return [pod for pod in world.controllers.pods.values() if pod.image == image and pod.leaving is None]


def seconds(world: World, most: int) -> Iterator[World]:
    """The world second by second until its release has ended."""
    for _ in range(most):
        world.advance(1)
        if not stage(world):
            return
        yield world
    raise AssertionError(f"still moving after {most} s: {world.told()}")


def crash_at(world: World, wanted: str, call: int) -> None:
    """Lets the operator die just before its nth call in a stage, once."""
    calls: list[int] = []

    def fault(number: int) -> None:
        if stage(world) == wanted and len(calls) < call:
            calls.append(number)
            if len(calls) == call:
                raise CrashError

    world.operator.fault = fault


class TestAdoption:
    @pytest.mark.parametrize("call", [1, 2])
    def test_a_crash_between_its_two_writes_costs_no_judged_pod(self, call: int) -> None:
        """The Deployment controller adopts while the Deployment is still paused, and then scales in proportion."""
        world = resting(steps=QUICK, capacity={"headroom": 25})
        crash_at(world, "Adopt", call)
        world.user_releases("shop:2")
        moved_to(world, "Bake")

        fewest = min(len(pods_of(world, "shop:2")) for world in seconds(world, 120))

        assert fewest >= 4, world.told()
        assert_whole(world)
        assert_nothing_left(world)

    @pytest.mark.parametrize("call", [1, 2, 3])
    def test_an_empty_twin_that_a_crash_left_does_not_take_the_place_of_the_judged_pods(self, call: int) -> None:
        """The Deployment controller takes the oldest ReplicaSet of an equal template, so that of the first shop:1."""
        world = resting(steps=QUICK)
        world.user_releases("shop:2")
        world.until("Progressing").until("Succeeded").advance(20)
        crash_at(world, "Step", call)
        world.user_releases("shop:1")
        judged = {pod.name for pod in pods_of(moved_to(world, "Bake"), "shop:1")}
        world.until("Succeeded").advance(30)

        assert judged == {pod.name for pod in pods_of(world, "shop:1")}, world.told()
        assert_whole(world)
        assert_nothing_left(world)


class TestScaling:
    @pytest.mark.parametrize(
        ("wanted", "spec", "pods"), [("Step", {}, 2), ("Switch", {}, 12), ("Bake", {}, 12), ("Bake", SERVICE, 12)]
    )
    def test_the_candidate_grows_with_the_deployment(self, wanted: str, spec: dict[str, Any], pods: int) -> None:
        """An autoscaler sees the load of both versions and scales the Deployment alone."""
        world = moving(wanted, **spec)
        world.scale(12)
        world.advance(5)
        assert len(pods_of(world, "shop:2")) == pods, world.told()
        world.until("Succeeded").advance(30)
        assert_whole(world)

    def test_where_pods_make_the_share_it_follows_the_deployment_and_the_weight_down_too(self) -> None:
        steps = [{"setWeight": weight, "hold": {"min": "10m", "advance": "WhenNotBad"}} for weight in (20, 50)]
        world = resting(**SERVICE, steps=steps[1:])
        world.user_releases("shop:2")
        world.until("Progressing").advance(20)
        counts = [len(pods_of(world, "shop:2"))]
        for replicas in (8, 4):
            world.scale(replicas)
            counts.append(len(pods_of(world.advance(5), "shop:2")))
        world.user_edits(steps=steps[:1])
        counts.append(len(pods_of(world.advance(5), "shop:2")))
        assert counts == [4, 8, 4, 1], world.told()
        assert world.status.summary.weight == "80/20"
        assert_whole(world)

    @pytest.mark.parametrize("wanted", ["Step", "Fill", "Switch", "Bake"])
    def test_a_deployment_that_is_scaled_to_nothing_holds_the_release_until_it_is_scaled_up(self, wanted: str) -> None:
        """No weight rises on nobody's pods; once the Service is switched the candidate serves and stays."""
        world = moving(wanted)
        world.scale(0)
        world.advance(60)
        if wanted in ("Step", "Fill"):
            assert world.status.message.startswith("deployment shop has 0 replicas"), world.told()
        world.scale(4)
        world.advance(10)
        world.proxy.lost.clear()
        world.until("Succeeded").advance(30)
        assert_whole(world)
        assert {pod.image for pod in world.controllers.pods.values()} == {"shop:2"}
        assert "PodsReplaced" not in world.event_reasons

    def test_a_deployment_without_pods_takes_over_a_candidate_without_pods(self) -> None:
        world = moving("Bake")
        world.scale(0)
        world.until("Succeeded").advance(10)
        assert world.event_reasons.count("PodsReplaced") == 0, world.told()
        world.scale(4)
        assert [pod.image for pod in pods_of(world.advance(10), "shop:2")] == ["shop:2"] * 4


class TestTheWayBack:
    @pytest.mark.parametrize("wanted", ["Step", "Fill", "Switch", "Bake"])
    def test_it_waits_for_no_pods_that_the_deployment_does_not_want(self, wanted: str) -> None:
        world = moving(wanted)
        world.scale(0)
        world.api.delete(KIND, "shop")
        world.advance(60)
        assert world.api.get(KIND, "shop") is None, world.told()
        assert_nothing_left(world)

    @pytest.mark.parametrize("wanted", ["Step", "Fill", "Switch", "Bake"])
    def test_it_waits_for_nobody_when_the_candidate_serves_no_more_either(self, wanted: str) -> None:
        world = moving(wanted)
        world.controllers.never_ready = {"shop:1", "shop:2"}
        for pod in world.controllers.pods.values():
            pod.leaving = world.now
        world.api.delete(KIND, "shop")
        world.advance(60)
        assert world.api.get(KIND, "shop") is None, world.told()
        assert_nothing_left(world)

    @pytest.mark.parametrize("wanted", ["Step", "Fill", "Switch", "Bake"])
    def test_it_waits_while_stable_is_down_and_the_candidate_serves(self, wanted: str) -> None:
        world = moving(wanted, bake="1h")
        world.controllers.never_ready = {"shop:1"}
        for pod in pods_of(world, "shop:1"):
            pod.leaving = world.now
        world.user_asks("abort")
        world.advance(60)
        assert world.status.message.startswith("shop:1 has no ready endpoint"), world.told()
        assert world.objections == []
        world.controllers.never_ready.clear()
        for pod in pods_of(world, "shop:1"):
            pod.ready_at = world.now
        world.until("RolledBack", within=60).advance(30)
        assert_nothing_left(world)

    @pytest.mark.parametrize("wanted", ["Step", "Fill", "Switch", "Bake"])
    @pytest.mark.parametrize("kind", ["Service", "Ingress"])
    def test_it_needs_neither_the_users_service_nor_the_users_ingress(self, wanted: str, kind: str) -> None:
        world = moving(wanted)
        world.api.delete(kind, "shop")
        world.advance(3)
        world.user_asks("abort")
        for _ in seconds(world, 60):
            pass
        world.advance(10)
        assert world.status.history[0].outcome == "RolledBack", world.told()
        assert {pod.image for pod in world.controllers.pods.values()} == {"shop:1"}


class TestTheDeployment:
    @pytest.mark.parametrize("wanted", ["Step", "Fill", "Switch", "Bake", "Adopt", "Return", "Keep"])
    def test_deleted_it_takes_its_release_along(self, wanted: str) -> None:
        world = moving(wanted)
        world.api.delete("Deployment", "shop")
        world.advance(60)
        assert world.status.message.startswith("deployment shop not found"), world.told()
        assert_nothing_left(world)
        assert list(world.controllers.pods.values()) == []

    def test_deleted_after_the_candidate_was_let_go_it_leaves_no_pod_behind(self) -> None:
        world = moving("Bake")
        crash_at(world, "Adopt", 3)
        while stage(world) != "Adopt":
            world.advance(1)
        ours = next(item for item in world.api.every("ReplicaSet") if item["spec"]["replicas"])
        ours["metadata"].pop("ownerReferences")
        world.api.delete("Deployment", "shop")
        world.advance(60)
        assert world.status.message.startswith("deployment shop not found"), world.told()
        assert list(world.controllers.pods.values()) == []

    @pytest.mark.parametrize("image", ["shop:1", "shop:2", "shop:3"])
    @pytest.mark.parametrize("wanted", ["Step", "Fill", "Switch", "Bake", "Adopt", "Return", "Keep"])
    def test_made_anew_it_ends_the_release_of_its_old_self(self, wanted: str, image: str) -> None:
        """What it made anew rolled out by itself: no policy holds a Deployment that is created."""
        world = moving(wanted)
        world.api.delete("Deployment", "shop")
        world.user_applies(manifests.deployment(image))
        world.advance(5)
        world.proxy.lost.clear()
        world.advance(90)
        assert world.status.phase in ("Idle", "Succeeded"), world.told()
        assert_whole(world)
        assert_nothing_left(world)
        assert {pod.image for pod in world.controllers.pods.values()} == {image}


class TestTheCandidatesOwn:
    @pytest.mark.parametrize("spec", [{}, SERVICE], ids=["ingress", "service"])
    @pytest.mark.parametrize("wanted", ["Step", "Fill", "Switch", "Bake"])
    def test_service_is_made_again_and_that_is_no_fault_of_the_version(self, wanted: str, spec: dict[str, Any]) -> None:
        world = moving(wanted, **spec)
        world.api.delete("Service", "shop-canary")
        world.until("Succeeded").advance(30)
        assert [record.outcome for record in world.status.history] == ["Promoted"], world.told()
        assert_whole(world)
        assert_nothing_left(world)

    @pytest.mark.parametrize("wanted", ["Step", "Fill", "Switch", "Bake"])
    def test_service_follows_the_ports_of_the_users(self, wanted: str) -> None:
        world = moving(wanted)
        service, ingress = manifests.service(), manifests.ingress()
        service["spec"]["ports"].append({"name": "new", "port": 81, "targetPort": 8080, "protocol": "TCP"})
        ingress["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["port"]["number"] = 81
        for manifest in (service, ingress):
            world.user_applies(manifest)
            world.advance(2)
        before = world.proxy.served["shop:2"]
        assert world.advance(10).proxy.served["shop:2"] > before, (
            "the candidate's Ingress leads to a port without Service"
        )
        world.until("Succeeded").advance(30)
        assert_whole(world)

    @pytest.mark.parametrize("spec", [{}, SERVICE], ids=["ingress", "service"])
    @pytest.mark.parametrize(
        ("wanted", "outcome"),
        [("Step", "Promoted"), ("Fill", "Promoted"), ("Switch", "RolledBack"), ("Bake", "RolledBack")],
    )
    def test_replica_set_is_made_again_until_stable_has_nothing_left_to_judge_it_by(
        self, wanted: str, outcome: str, spec: dict[str, Any]
    ) -> None:
        world = moving(wanted, **spec)
        assert world.status.candidate is not None
        world.api.delete("ReplicaSet", f"shop-{world.status.candidate.revision}")
        for _ in seconds(world, 300):
            pass
        assert [record.outcome for record in world.status.history] == [outcome], world.told()
        assert_whole(world)
        assert_nothing_left(world)


class TestWithoutPolicies:
    @pytest.mark.parametrize("wanted", ["Step", "Fill", "Switch", "Bake"])
    def test_a_deployment_that_someone_resumes_is_paused_again(self, wanted: str) -> None:
        world = moving(wanted, policies=False)
        world.api.merge("Deployment", "shop", {"spec": {"paused": None}}, "user")
        world.advance(1)
        world.user_asks("abort")
        world.until("RolledBack", within=60).advance(30)
        assert_whole(world)
        assert {pod.image for pod in world.controllers.pods.values()} == {"shop:1"}

    @pytest.mark.parametrize("wanted", ["Return", "Keep"])
    def test_a_service_that_someone_applies_again_leads_to_no_refused_candidate(self, wanted: str) -> None:
        world = moving(wanted, policies=False)
        world.advance(8)
        before = world.proxy.served["shop:2"]
        world.user_applies(manifests.service())
        world.advance(3)
        assert "TrafficDrift" in world.event_reasons, world.told()
        assert world.proxy.served["shop:2"] - before <= world.proxy.rate * (world.proxy.lag + 1)
        world.advance(60)
        assert_whole(world)

    def test_a_service_that_someone_applies_again_leads_to_the_candidate_that_bakes(self) -> None:
        world = moving("Bake", policies=False)
        world.advance(10)
        world.user_applies(manifests.service())
        world.advance(3)
        assert "TrafficDrift" in world.event_reasons, world.told()
        before = world.proxy.served["shop:1"]
        world.until("Succeeded").advance(30)
        assert world.proxy.served["shop:1"] == before
        assert_whole(world)


class TestAnotherVersionOfHeadgate:
    @pytest.mark.parametrize("wanted", ["Step", "Bake", "Keep"])
    def test_leaves_a_release_alone_whose_status_it_cannot_read(self, wanted: str) -> None:
        """An operator that is taken back to an older version must not take the candidate down with its traffic."""
        world = moving(wanted)
        world.operator.status = None
        newer = {**world.release.status.manifest(), "phase": "Dancing"}
        world.api.merge(KIND, "shop", {"status": newer}, "newer", "status")
        before = world.snapshot()
        world.advance(60)
        manifest = world.api.get(KIND, "shop")
        assert manifest is not None
        assert (manifest["status"], world.snapshot()) == (newer, before)
        assert world.event_reasons[-1] == "Illegible"
        assert_whole(world)


class TestARejectedVersion:
    def test_is_told_of_again_when_another_trouble_is_over(self) -> None:
        world = moving("Return").until("RolledBack").advance(5)
        rolled_back = world.status.message
        world.api.delete("Service", "shop")
        assert world.advance(5).status.phase == "Stalled"
        world.user_applies(manifests.service())
        assert world.advance(5).status.message == rolled_back

    def test_is_not_released_again_by_a_restart_but_by_a_retry(self) -> None:
        world = moving("Return").until("RolledBack").advance(5)
        world.user_releases("shop:2", **{"kubectl.kubernetes.io/restartedAt": "now"})
        world.advance(30)
        assert (world.status.phase, world.event_reasons.count("Released")) == ("RolledBack", 1), world.told()
        world.user_asks("retry")
        world.until("Progressing")
        assert world.event_reasons.count("Released") == 2

    def test_leaves_no_verdict_to_the_next_release(self) -> None:
        world = moving("Return").until("RolledBack").advance(5)
        assert world.status.summary.verdict.startswith("Bad")
        world.user_releases("shop:3")
        assert world.advance(1).status.summary.verdict == "", world.told()

    def test_is_judged_anew_when_it_is_tried_again(self) -> None:
        world = moving("Keep")
        world.proxy.error_rates.clear()
        world.user_asks("retry")
        world.until("Progressing").until("Succeeded").advance(30)
        assert_whole(world)
        assert_nothing_left(world)


def promoted(world: World) -> World:
    """The world after a release of shop:2 in which every pause is approved."""
    world.user_releases("shop:2")
    for _ in range(900):
        if world.advance(1).status.phase == "Succeeded":
            return world
        if world.status.phase == "Paused":
            world.user_asks("approve")
    raise AssertionError(world.told())


class TestOddSteps:
    @pytest.mark.parametrize("spec", [{"analysis": {"errors": {"max": "50%"}}}, SERVICE], ids=["ingress", "service"])
    @pytest.mark.parametrize(
        "steps",
        [
            pytest.param([{"pause": {"duration": "0s"}}] * 20, id="twenty that take no time"),
            pytest.param([{"setWeight": 0, "hold": {"min": "0s"}}, {"setWeight": 100}], id="no weight first"),
            pytest.param([{"pause": {}}, {"setWeight": 100}], id="a look first"),
            pytest.param(
                [{"setWeight": 100, "hold": {"min": "0s", "max": "0s", "advance": "WhenNotBad"}}, {"pause": {}}],
                id="a look last",
            ),
        ],
    )
    def test_lead_to_promotion(self, steps: list[dict[str, Any]], spec: dict[str, Any]) -> None:
        world = promoted(resting(**spec, steps=steps, bake="0s"))
        assert_whole(world)
        assert_nothing_left(world)

    @pytest.mark.parametrize("steps", [[{"pause": {}}], [{"setWeight": 0}]], ids=["a look", "no weight"])
    def test_without_a_weight_need_no_metrics(self, steps: list[dict[str, Any]]) -> None:
        """A service that nobody has called yet has no series, and a person has looked at the candidate."""
        world = resting(steps=steps)
        world.proxy.rate = 0
        world.proxy.counters.clear()
        world.proxy.scrapes.clear()
        assert_nothing_left(promoted(world))


class TestReadiness:
    """The time in which pods must be ready, readyWithin, is theirs: nothing else may use it up."""

    def test_of_a_candidate_that_could_not_be_made_at_once(self) -> None:
        world = resting(steps=QUICK, capacity={"readyWithin": "30s"})
        crash_at(world, "Step", 1)
        world.user_releases("shop:2")
        while not stage(world):
            world.advance(1)
        world.operator.down_until = world.now + 300
        world.until("Succeeded").advance(30)
        assert_whole(world)

    def test_of_pods_for_a_deployment_that_was_scaled_while_the_release_was_held(self) -> None:
        world = moving("Step", capacity={"readyWithin": "30s"})
        world.controllers.startup = 20.0
        while world.status.step and world.status.step.index < 2:
            world.advance(1)
        world.api.delete("Ingress", "shop")
        world.scale(20)
        world.advance(300)
        world.user_applies(manifests.ingress())
        world.until("Succeeded").advance(30)
        assert len(pods_of(world, "shop:2")) == 20
        assert world.objections == []


def test_a_weight_that_waits_for_samples_says_so_aloud_after_ten_minutes() -> None:
    world = moving("Step")
    world.controllers.never_ready = {"shop:2"}
    world.scale(40)
    while world.status.step and world.status.step.index < 2:
        world.advance(1)
    world.controllers.never_ready.clear()
    world.operator.silent_since = world.now
    world.until("Stalled", within=900)
    assert "Prometheus does not answer" in world.status.message, world.told()


@pytest.mark.parametrize("wanted", ["Step", "Fill", "Switch", "Bake"])
@pytest.mark.parametrize("lost", ["the ingress", "its path"])
def test_the_candidates_route_goes_where_the_users_own_goes(wanted: str, lost: str) -> None:
    """Someone leads a path to a page of excuses: the candidate must not keep its share of it."""
    world, elsewhere = moving(wanted), manifests.ingress()
    elsewhere["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["name"] = "excuses"
    if lost == "its path":
        world.user_applies(elsewhere)
    else:
        world.api.delete("Ingress", "shop")
    world.advance(2)
    assert world.api.get("Ingress", "shop-canary") is None, world.told()
    world.advance(30)
    world.user_applies(manifests.ingress())
    world.advance(5)
    world.proxy.lost.clear()
    world.until("Succeeded").advance(30)
    assert_whole(world)
    assert_nothing_left(world)


class TestSuspension:
    @pytest.mark.parametrize(("wanted", "weight"), [("Step", 10), ("Fill", 50), ("Switch", 0), ("Bake", 0)])
    def test_freezes_a_release_wherever_it_is(self, wanted: str, weight: int) -> None:
        """Once the Service is being switched that ends first; the old pods stay warm then, for as long as it takes."""
        world = moving(wanted)
        world.user_edits(suspend=True)
        world.advance(600)
        assert (world.status.phase, world.weight) == ("Paused", weight), world.told()
        assert pods_of(world, "shop:1")
        world.user_edits(suspend=False)
        world.until("Succeeded").advance(30)
        assert_whole(world)

    def test_gives_way_to_a_person_who_promotes(self) -> None:
        world = moving("Step")
        world.user_edits(suspend=True)
        world.advance(30)
        world.user_asks("promote")
        world.until("Succeeded").advance(30)
        assert_whole(world)


def test_a_release_that_replaces_a_broken_rollout_leaves_the_pods_that_serve_in_service() -> None:
    """Given a rollout that got stuck before Headgate knew of it, the newest ReplicaSet has no ready pod."""
    world = World()
    for manifest in (manifests.deployment("shop:1"), manifests.service(), manifests.ingress()):
        world.user_applies(manifest)
    world.advance(10)
    world.controllers.never_ready = {"shop:2"}
    world.user_releases("shop:2")
    world.advance(10)
    world.user_applies(manifests.release(steps=QUICK))
    world.advance(10)
    world.proxy.lost.clear()
    world.user_releases("shop:3")
    world.until("Succeeded").advance(30)
    assert_whole(world)
    assert {pod.image for pod in world.controllers.pods.values()} == {"shop:3"}


@pytest.mark.parametrize("actor", ["jane", None])
def test_an_action_that_is_asked_for_while_another_is_answered_is_answered_too(actor: str | None) -> None:
    """Someone approves and sees at once that it was a mistake."""
    world = resting(steps=[*QUICK[:1], {"pause": {}}])
    world.user_releases("shop:2")
    world.until("Paused").advance(5)
    watch = world.operator.on_call

    def meanwhile(action: Action | Status, *rest: Any) -> None:
        watch(action, *rest)
        if isinstance(action, Patch) and action.ref.kind == KIND:
            world.operator.on_call = watch
            world.user_asks("abort", by=actor)

    world.operator.on_call = meanwhile
    world.user_asks("approve", by=actor)
    world.until("RolledBack", within=60).advance(30)
    assert world.event_reasons.count("Action") == 2
    assert world.release.request is None
    assert_whole(world)
    assert_nothing_left(world)


def test_a_release_at_rest_leaves_a_service_alone_that_another_release_holds() -> None:
    """Of two releases of one Service the older moves; the younger must not disown what that one has pinned."""
    service = manifests.service()
    service["spec"]["selector"][POD_TEMPLATE_HASH] = "6f9c"
    service["metadata"]["managedFields"] = [{"manager": FIELD_MANAGER}]
    younger = read_release({**manifests.release(), "metadata": {"name": "other", "namespace": "prod", "uid": "u2"}})
    deployment = {**manifests.deployment("shop:1"), "metadata": {"name": "shop", "namespace": "prod", "uid": "d1"}}
    seen = Observation(
        IngressRouter(),
        target=read_deployment(deployment),
        service=read_service(service),
        entry=manifests.ingress(),
        rivals=("shop",),
    )
    decision = decide(younger, seen, 0.0)
    assert decision.actions == ()
    assert decision.status.message.startswith("deployment shop or its service belongs to canaryrelease shop")


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ({"traffic": {"service": "shop"}}, True),
        ({"traffic": {"ingress": "shop", "service": "shop"}, "analysis": {"application": {}}}, True),
        ({"traffic": {"ingress": "shop", "service": "shop"}, "analysis": {"mesh": "Istio"}}, True),
        ({"traffic": {"ingress": "shop", "service": "shop"}}, False),
        ({"traffic": {"service": "shop"}, "analysis": {"enabled": False}}, False),
    ],
)
def test_a_deployment_whose_pods_names_would_mix_two_versions_is_not_judged_by_them(
    spec: dict[str, Any], told: bool
) -> None:
    """The API server cuts the names of pods at 58 characters and adds five."""
    name = "a" * 53
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    release = read_release(
        {**manifests.release(**spec, targetRef=target), "metadata": {"name": "shop", "namespace": "prod"}}
    )
    deployment = {**manifests.deployment("shop:1"), "metadata": {"name": name, "namespace": "prod"}}
    seen = Observation(
        IngressRouter() if "ingress" in spec["traffic"] else SelectorRouter(),
        target=read_deployment(deployment),
        service=read_service(manifests.service()),
        entry=manifests.ingress(),
        replica_sets=(),
    )
    message = decide(release, seen, 0.0).status.message
    assert message.startswith(f"the name of deployment {name} has more than 52 characters") == told, message


def test_abort_knows_stables_pods_whatever_they_are_called() -> None:
    """A Deployment may have adopted a ReplicaSet that another one made, by its labels."""
    world = resting(**LONG)
    adopted = world.api.objects.pop(("ReplicaSet", "shop-rs1"))
    adopted["metadata"]["name"] = "legacy"
    world.api.objects["ReplicaSet", "legacy"] = adopted
    world.controllers.pods = {
        f"legacy-{number}": replace(pod, name=f"legacy-{number}", owner="legacy")
        for number, pod in enumerate(world.controllers.pods.values())
    }
    world.advance(3)
    world.proxy.lost.clear()
    world.user_releases("shop:2")
    moved_to(world, "Step").user_asks("abort")
    world.until("RolledBack", within=60).advance(30)
    assert_whole(world)


def test_a_candidate_whose_pods_crash_again_and_again_is_rolled_back() -> None:
    """Each time it answers a while without errors, so neither its requests nor its readiness speak against it."""
    world = moving("Step", steps=[{"setWeight": 10, "hold": {"min": "5m", "max": "1h"}}])
    for _ in range(3):
        world.advance(30)
        for pod in pods_of(world, "shop:2"):
            pod.leaving = world.now
    world.until("RolledBack", within=30).advance(30)
    assert "shop:2 lost all its ready endpoints 3 times within 10m" in world.status.message
    assert_whole(world)
    assert_nothing_left(world)


def test_a_weight_waits_until_its_pods_have_been_ready_for_min_ready_seconds() -> None:
    world = resting(**LONG)
    world.api.merge("Deployment", "shop", {"spec": {"minReadySeconds": 15}}, "user")
    world.user_releases("shop:2")
    while not any(pod.ready_at <= world.now for pod in pods_of(world, "shop:2")):
        world.advance(1)
    ready = world.now
    moved_to(world, "Step")
    assert 15 <= world.now - ready <= 17, world.told()
    world.until("Succeeded").advance(30)
    assert_whole(world)


class TestDrift:
    """A route that someone changes is put back, and that is said, however little time a route takes to settle."""

    def drifts(self, world: World) -> None:
        annotations = {"nginx.ingress.kubernetes.io/canary-weight": "90"}
        world.api.merge("Ingress", "shop-canary", {"metadata": {"annotations": annotations}}, "stranger")
        world.advance(1)
        assert world.weight == 10
        assert world.event_reasons[-1] == "TrafficDrift", world.told()

    def test_is_reported_where_routes_settle_at_once(self) -> None:
        world = moving("Step", traffic={"ingress": "shop", "settle": "0s"})
        self.drifts(world.advance(3))

    def test_is_reported_after_a_restart_and_begins_no_step_anew(self) -> None:
        world = moving("Step").advance(10)
        begun = world.status.step
        world.operator.status, world.operator.signs = None, ()
        self.drifts(world.advance(1))
        assert world.status.step == begun

    @pytest.mark.parametrize("asked", ["", "abort"])
    def test_waits_with_a_lost_pin_for_a_stable_that_has_pods(self, asked: str) -> None:
        """The user's Service leads to the candidate's pods too once someone has replaced its selector."""
        world = moving("Step", policies=False)
        world.scale(0)
        world.advance(10)
        world.scale(4)
        world.api.merge("Service", "shop", {"spec": {"selector": {POD_TEMPLATE_HASH: None}}}, "stranger")
        if asked:
            world.user_asks(asked)
        world.advance(1).proxy.lost.clear()
        world.until("RolledBack" if asked else "Succeeded").advance(30)
        assert_whole(world)
        assert_nothing_left(world)

    def test_waits_for_pods_where_the_route_was_taken_away_and_the_deployment_scaled(self) -> None:
        world = moving("Step").advance(8)
        world.controllers.startup = 20.0
        world.scale(12)
        world.api.delete("Ingress", "shop-canary")
        world.advance(10)
        assert (world.weight, world.event_reasons[-1]) == (0, "TrafficDrift"), world.told()
        world.until("Succeeded").advance(30)
        assert_whole(world)


def test_a_candidate_that_lost_its_endpoints_in_a_pause_has_its_traffic_back_before_the_pause_ends() -> None:
    world = resting(steps=[*QUICK[:1], {"pause": {}}])
    world.user_releases("shop:2")
    world.until("Paused").advance(10)
    for pod in pods_of(world, "shop:2"):
        pod.leaving = world.now
    world.advance(1)
    assert world.weight == 0
    world.advance(20)
    assert (world.weight, world.status.phase) == (10, "Paused"), world.told()
    world.user_asks("approve")
    world.until("Succeeded").advance(30)
    assert_whole(world)


class TestATemplateThatGotPastThePolicies:
    """An API server that has just started does not know the policies' parameters, and lets writes pass for a while."""

    def test_it_is_held_before_its_pods_are_ready_and_then_judged(self) -> None:
        world = resting(steps=QUICK)
        world.restarts_api_server()
        world.proxy.error_rates.update(BAD)
        world.user_releases("shop:2")
        world.until("RolledBack").advance(60)
        assert "Bypassed" not in world.event_reasons
        assert_whole(world)
        assert_nothing_left(world)
        assert {pod.image for pod in world.controllers.pods.values()} == {"shop:1"}

    def test_a_rejected_version_that_someone_resumes_is_held_again(self) -> None:
        world = resting(steps=QUICK)
        world.proxy.error_rates.update(BAD)
        world.user_releases("shop:2")
        world.until("RolledBack").advance(60)
        world.restarts_api_server()
        world.api.merge("Deployment", "shop", {"spec": {"paused": None}}, "user")
        world.advance(60)
        assert world.status.phase == "RolledBack", world.told()
        assert {pod.image for pod in world.controllers.pods.values()} == {"shop:1"}
        assert_whole(world)

    def test_once_its_pods_serve_it_is_left_alone_and_said(self) -> None:
        """To take pods away that carry traffic could lose more than an unjudged version does."""
        world = resting(steps=QUICK)
        world.restarts_api_server()
        world.operator.down_until = world.now + 10
        world.user_releases("shop:2")
        world.advance(120)
        assert "Bypassed" in world.event_reasons
        assert {pod.image for pod in world.controllers.pods.values()} == {"shop:2"}
        assert_whole(world)
