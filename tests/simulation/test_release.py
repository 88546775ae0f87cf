"""Whole releases on the virtual clock: what a user sees of a release, for each way it can go."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from headgate.api.names import KIND, POD_TEMPLATE_HASH
from headgate.api.status import Status
from headgate.release.decision import Action
from tests.simulation import manifests
from tests.simulation.operator import CrashError
from tests.simulation.world import World, resting

BAD = {"shop:1": 0.002, "shop:2": 0.2}
QUICK = [{"setWeight": weight, "hold": {"min": "20s", "max": "5m", "advance": "WhenNotBad"}} for weight in (10, 50)]


def assert_whole(world: World) -> None:
    """No invariant was broken and no request lost."""
    assert world.objections == [], world.told()
    assert world.proxy.lost == [], world.told()


def assert_nothing_left(world: World) -> None:
    """No object of ours, no pin, no finalizer; the Deployment runs or holds a template that was not released."""
    kinds = {kind for kind, _ in world.api.objects}
    names = {name for kind, name in world.api.objects if kind in ("Service", "Ingress")}
    assert names == {"shop"}, f"{kinds}: {names} {world.told()}"
    service = world.api.get("Service", "shop")
    assert service is not None
    assert POD_TEMPLATE_HASH not in service["spec"]["selector"], world.told()
    release = world.api.get(KIND, "shop")
    assert release is None or not release["metadata"].get("finalizers"), world.told()


def paused(world: World) -> bool:
    """Whether the Deployment is paused."""
    deployment = world.api.get("Deployment", "shop")
    assert deployment is not None
    return bool(deployment["spec"].get("paused"))


def pods_of(world: World, image: str) -> int:
    """How many pods of a version there are."""
    return sum(pod.image == image for pod in world.controllers.pods.values())


def dying_once() -> Callable[[int], None]:
    """A fault that kills the operator before its next call."""
    deaths = iter([CrashError()])

    def fault(_: int) -> None:
        for death in deaths:
            raise death

    return fault


class TestPromotion:
    def test_a_good_version_is_promoted_and_its_judged_pods_stay(self) -> None:
        world = resting()
        before = world.snapshot()
        world.user_releases("shop:2")
        world.until("Promoting")
        judged = {name for name, pod in world.controllers.pods.items() if pod.image == "shop:2"}

        world.until("Succeeded").advance(60)

        assert_whole(world)
        assert_nothing_left(world)
        assert world.event_reasons == ["Released", *["Weight"] * 6, "Promoted"], "5, 10, 20, 40, 50 and 100 %"
        assert judged <= set(world.controllers.pods), "the judged pods were replaced"
        assert {pod.image for pod in world.controllers.pods.values()} == {"shop:2"}
        after = world.snapshot()
        changed = {
            kind for kind, name in before.keys() | after.keys() if before.get((kind, name)) != after.get((kind, name))
        }
        assert changed == {"Deployment", "ReplicaSet"}

    def test_a_release_writes_its_status_once_for_each_thing_that_must_be_known(self) -> None:
        """Waits of a few seconds, for pods or for the end of what was decided, are no such thing."""
        world = resting(steps=QUICK, bake="10s", analysis={"enabled": False})
        written, watch = [], world.operator.on_call

        def note(call: Action | Status, *around: Any) -> None:
            if isinstance(call, Status):
                written.append((call.conditions[0].reason, call.weights.candidate))
            watch(call, *around)

        world.operator.on_call = note
        world.user_releases("shop:2")
        world.until("Progressing").until("Succeeded").advance(20)

        steps = [("Stepping", 0), ("Stepping", 10), ("Stepping", 50)]
        promotion = [("Promoting", 100), ("Switching", 100), ("Baking", 100), ("Adopting", 100), ("Promoted", 0)]
        assert written == [*steps, *promotion]

    @pytest.mark.parametrize(("traffic", "within"), [({"ingress": "shop"}, 5), ({"service": "shop"}, 0)])
    def test_a_step_that_waits_for_its_pods_says_so_within_seconds(self, traffic: dict[str, str], within: int) -> None:
        """At once where pods make the share: to ask for them is to move traffic, which is announced first."""
        world = resting(steps=QUICK, traffic=traffic, analysis={"enabled": False})
        world.user_releases("shop:2")
        world.until("Progressing").advance(10)
        world.controllers.startup = 30
        while (pods := pods_of(world, "shop:2")) == 1:
            world.advance(1)
        world.advance(within)

        assert world.release.status.message == (
            f"1 of {pods} endpoints of shop:2 are ready; {pods} are needed for 50 %"
        ), world.told()

    def test_an_operator_that_dies_while_pods_are_waited_for_goes_on_with_that_step(self) -> None:
        """Although no status tells of it yet."""
        world = resting(steps=QUICK)
        world.user_releases("shop:2")
        world.until("Progressing").advance(10)
        while pods_of(world, "shop:2") == 1:
            world.advance(1)
        assert world.release.status.summary.step == "1/2 weight 10"
        world.operator.fault = dying_once()
        world.until("Succeeded").advance(30)

        assert_whole(world)
        assert_nothing_left(world)
        assert world.event_reasons == ["Released", *["Weight"] * 3, "Promoted"]

    def test_each_part_of_a_promotion_has_one_reason(self) -> None:
        world = resting(steps=QUICK)
        world.user_releases("shop:2")
        world.until("Promoting")
        reasons = []
        while (written := world.release.status).phase == "Promoting":
            reasons.append(written.conditions[0].reason)
            world.advance(1)

        in_order = [reason for reason, _ in itertools.groupby(reasons)]
        assert in_order[:3] == ["Promoting", "Switching", "Baking"]
        assert in_order[3:] in ([], ["Adopting"]), "which may be over within a second"

    def test_releases_follow_each_other_and_a_version_may_come_back(self) -> None:
        world = resting(steps=QUICK)
        for image in ("shop:2", "shop:3", "shop:1", "shop:2"):
            world.user_releases(image)
            world.until("Progressing").until("Succeeded").advance(20)
            assert {pod.image for pod in world.controllers.pods.values()} == {image}
        assert_whole(world)
        assert_nothing_left(world)
        assert [record.image for record in world.status.history] == ["shop:2", "shop:1", "shop:3", "shop:2"]

    def test_a_weight_that_is_auto_doubles_while_the_evidence_is_good(self) -> None:
        world = resting(steps=[{"setWeight": "Auto", "between": {"min": 5, "max": 40}}])
        world.user_releases("shop:2")
        world.until("Progressing")
        weights = [0]
        while world.status.phase == "Progressing":
            weights.append(world.status.weights.candidate)
            world.advance(1)
        world.until("Succeeded").advance(30)

        assert [weight for weight, _ in itertools.groupby(weights)] == [0, 5, 10, 20, 40]
        assert_whole(world)
        assert_nothing_left(world)

    def test_blue_green_switches_once(self) -> None:
        world = resting(strategy="BlueGreen", analysis={"errors": {"max": "1%"}})
        world.user_releases("shop:2")
        world.until("Succeeded").advance(30)
        assert_whole(world)
        assert_nothing_left(world)
        assert world.event_reasons == ["Released", "Weight", "Promoted"]

    @pytest.mark.parametrize("strategy", ["Canary", "BlueGreen"])
    def test_without_an_ingress_the_service_carries_the_release(self, strategy: str) -> None:
        world = resting(traffic={"service": "shop"}, strategy=strategy, analysis={"enabled": False})
        world.user_releases("shop:2")
        world.until("Succeeded").advance(30)
        assert_whole(world)
        assert_nothing_left(world)

    def test_without_an_ingress_the_status_tells_the_share_that_whole_pods_give(self) -> None:
        world = resting(traffic={"service": "shop"}, steps=QUICK, analysis={"enabled": False})
        world.user_releases("shop:2")
        world.until("Progressing").advance(20)

        assert world.status.summary.weight == "80/20", "one pod beside four"

    def test_without_policies_the_target_rests_paused(self) -> None:
        world = resting(policies=False, steps=QUICK)
        assert paused(world)
        world.user_releases("shop:2")
        world.until("Progressing").until("Succeeded").advance(30)
        assert_whole(world)
        assert_nothing_left(world)
        assert paused(world)

    def test_an_autoscaler_gets_its_behavior_back(self) -> None:
        world = resting(steps=QUICK)
        world.user_applies(manifests.autoscaler())
        before = world.snapshot()["HorizontalPodAutoscaler", "shop"]
        world.user_releases("shop:2")
        world.until("Progressing").advance(20)
        scaler = world.api.get("HorizontalPodAutoscaler", "shop")
        assert scaler is not None
        assert scaler["spec"]["behavior"]["scaleDown"]["selectPolicy"] == "Disabled"
        world.until("Succeeded").advance(30)
        assert world.snapshot()["HorizontalPodAutoscaler", "shop"] == before
        assert_whole(world)

    def test_scaling_goes_on_during_a_release(self) -> None:
        world = resting(steps=QUICK)
        world.user_releases("shop:2")
        world.until("Progressing").advance(30)
        world.api.merge("Deployment", "shop", {"spec": {"replicas": 8}}, "autoscaler")
        world.until("Succeeded").advance(30)
        assert_whole(world)
        assert len(world.controllers.pods) == 8

    def test_a_restart_is_no_release(self) -> None:
        world = resting()
        world.user_releases("shop:1", **{"kubectl.kubernetes.io/restartedAt": "now"})
        world.advance(60)
        assert world.event_reasons == []
        assert world.status.phase == "Idle"
        assert_whole(world)


class TestRollback:
    def test_a_bad_version_loses_its_traffic_and_its_pods(self) -> None:
        world = resting()
        world.proxy.error_rates.update(BAD)
        world.user_releases("shop:2")
        world.until("RolledBack").advance(60)
        assert_whole(world)
        assert_nothing_left(world)
        assert world.event_reasons == ["Released", "Weight", "Bad", "RolledBack"]
        assert {pod.image for pod in world.controllers.pods.values()} == {"shop:1"}
        assert paused(world)

    def test_a_version_that_turns_bad_while_it_bakes_is_taken_back(self) -> None:
        world = resting(steps=QUICK, bake="3m", analysis={"errors": {"max": "1%"}})
        world.user_releases("shop:2")
        world.until("Promoting").advance(60)
        world.proxy.error_rates.update(BAD)
        world.until("RolledBack").advance(60)
        assert_whole(world)
        assert {pod.image for pod in world.controllers.pods.values()} == {"shop:1"}

    def test_a_version_that_never_becomes_ready_gets_no_traffic(self) -> None:
        world = resting(capacity={"readyWithin": "1m"})
        world.controllers.never_ready = {"shop:2"}
        world.user_releases("shop:2")
        world.until("RolledBack").advance(30)
        assert_whole(world)
        assert_nothing_left(world)
        assert "shop:2" not in world.proxy.served
        assert "only 0 of 1 endpoints" in world.status.message

    def test_git_revert_after_a_rollback_runs_the_deployment_without_a_new_pod(self) -> None:
        world = resting()
        world.proxy.error_rates.update(BAD)
        pods = set(world.controllers.pods)
        world.user_releases("shop:2")
        world.until("RolledBack").advance(30)
        world.user_releases("shop:1")
        world.until("Idle").advance(30)
        assert set(world.controllers.pods) == pods
        assert not paused(world)
        assert_whole(world)

    def test_on_failure_hold_keeps_the_pods_without_traffic(self) -> None:
        world = resting(onFailure="Hold")
        world.proxy.error_rates.update(BAD)
        world.user_releases("shop:2")
        world.until("RollingBack").until("Paused").advance(60)
        assert world.weight == 0
        assert any(pod.image == "shop:2" for pod in world.controllers.pods.values())
        world.user_asks("abort")
        world.until("RolledBack").advance(30)
        assert_whole(world)
        assert_nothing_left(world)

    def test_retry_starts_the_same_version_again(self) -> None:
        world = resting(steps=QUICK)
        world.proxy.error_rates.update(BAD)
        world.user_releases("shop:2")
        world.until("RolledBack").advance(30)
        world.proxy.error_rates = {}
        world.user_asks("retry")
        world.until("Progressing").until("Succeeded").advance(30)
        assert_whole(world)
        assert_nothing_left(world)


class TestPeople:
    @pytest.mark.parametrize("seconds", [5, 20, 60, 110, 125])
    def test_abort_returns_the_traffic_at_any_point(self, seconds: int) -> None:
        world = resting(steps=QUICK, bake="1m")
        world.user_releases("shop:2")
        world.until("Progressing").advance(seconds)
        world.user_asks("abort")
        world.until("RolledBack").advance(30)
        assert_whole(world)
        assert_nothing_left(world)
        assert world.status.action is not None
        assert world.status.action.by == "jane"

    @pytest.mark.parametrize("strategy", ["Canary", "BlueGreen"])
    def test_abort_returns_the_traffic_of_a_service_that_was_switched(self, strategy: str) -> None:
        """Given a Service pinned to the candidate, its endpoints say nothing about stable's pods, which are warm."""
        steps = [{"setWeight": 100, "hold": {"min": "1h", "max": "2h"}}]
        world = resting(traffic={"service": "shop"}, strategy=strategy, steps=steps, analysis={"enabled": False})
        world.user_releases("shop:2")
        world.until("Progressing").advance(20)
        assert world.status.weights.candidate == 100, world.told()
        world.user_asks("abort")
        world.until("RolledBack", within=60).advance(30)
        assert_whole(world)
        assert_nothing_left(world)

    def test_a_pause_waits_for_one_approval_each(self) -> None:
        world = resting(steps=[{"setWeight": 10, "hold": {"advance": "WhenNotBad"}}, {"pause": {}}, {"pause": {}}])
        world.user_releases("shop:2")
        world.until("Paused").advance(300)
        assert world.status.step is not None
        assert world.status.step.index == 2
        world.user_asks("approve")
        world.advance(60)
        assert world.status.step is not None
        assert (world.status.phase, world.status.step.index) == ("Paused", 3)
        world.user_asks("approve")
        world.until("Succeeded").advance(30)
        assert_whole(world)

    def test_an_approval_counts_while_a_changed_route_is_put_back(self) -> None:
        world = resting(steps=[*QUICK[:1], {"pause": {}}])
        world.user_releases("shop:2")
        world.until("Paused").advance(10)
        drift = {"metadata": {"annotations": {"nginx.ingress.kubernetes.io/canary-weight": "90"}}}
        world.api.merge("Ingress", "shop-canary", drift, "stranger")
        world.advance(1)
        world.user_applies(manifests.service())
        world.until("Progressing", within=5)
        world.user_asks("approve")
        world.until("Succeeded", within=120).advance(30)
        assert_whole(world)

    def test_promote_skips_what_is_left(self) -> None:
        world = resting(steps=[{"setWeight": 5, "hold": {"min": "1h", "max": "2h"}}])
        world.user_releases("shop:2")
        world.until("Progressing").advance(30)
        world.user_asks("promote")
        world.until("Succeeded", within=120).advance(30)
        assert_whole(world)

    def test_pause_and_resume_freeze_the_weight(self) -> None:
        world = resting(steps=QUICK)
        world.user_releases("shop:2")
        world.until("Progressing").advance(15)
        world.user_asks("pause")
        world.advance(600)
        assert (world.status.phase, world.weight) == ("Paused", 10)
        world.user_asks("resume")
        world.until("Succeeded").advance(30)
        assert_whole(world)

    def test_an_unknown_action_is_answered(self) -> None:
        world = resting()
        world.user_asks("explode")
        world.advance(5)
        assert world.status.action is not None
        assert world.status.action.answer == "unknown action: use one of abort, approve, pause, promote, resume, retry"
        assert world.release.request is None

    def test_suspend_starts_nothing(self) -> None:
        world = resting(suspend=True, steps=QUICK)
        world.user_releases("shop:2")
        world.advance(120)
        assert world.status.phase == "Paused"
        assert "shop:2" not in world.proxy.served
        world.user_edits(suspend=False)
        world.until("Succeeded").advance(30)
        assert_whole(world)


class TestChangesInMidFlight:
    @pytest.mark.parametrize("seconds", [5, 20, 60, 110, 125])
    def test_git_revert_ends_the_release(self, seconds: int) -> None:
        world = resting(steps=QUICK, bake="1m")
        world.user_releases("shop:2")
        world.until("Progressing").advance(seconds)
        world.user_releases("shop:1")
        world.until("Idle").advance(30)
        assert_whole(world)
        assert_nothing_left(world)
        assert {pod.image for pod in world.controllers.pods.values()} == {"shop:1"}
        assert not paused(world)

    @pytest.mark.parametrize("seconds", [5, 20, 60, 110, 125])
    def test_a_newer_template_starts_again_from_step_1(self, seconds: int) -> None:
        world = resting(steps=QUICK, bake="1m")
        world.user_releases("shop:2")
        world.until("Progressing").advance(seconds)
        world.user_releases("shop:3")
        world.until("Succeeded").advance(30)
        assert_whole(world)
        assert_nothing_left(world)
        assert {pod.image for pod in world.controllers.pods.values()} == {"shop:3"}
        assert [record.outcome for record in world.status.history] == ["Promoted", "Superseded"]

    def test_an_edit_of_the_steps_moves_no_weight_up_by_itself(self) -> None:
        world = resting(steps=[{"setWeight": 10, "hold": {"min": "5m", "max": "10m", "advance": "WhenNotBad"}}])
        world.user_releases("shop:2")
        world.until("Progressing").advance(30)
        world.user_edits(steps=[{"setWeight": 40, "hold": {"min": "5m", "max": "10m", "advance": "WhenNotBad"}}])
        world.advance(60)
        assert world.weight == 10
        world.user_edits(steps=[{"setWeight": 5, "hold": {"min": "5m", "max": "10m", "advance": "WhenNotBad"}}])
        world.advance(30)
        assert world.weight == 5
        world.until("Succeeded").advance(30)
        assert_whole(world)

    @pytest.mark.parametrize("seconds", [5, 20, 60, 110, 125])
    def test_a_service_that_is_named_wrongly_in_mid_release_returns_the_traffic_of_the_right_one(
        self, seconds: int
    ) -> None:
        world = resting(steps=QUICK, bake="1m")
        world.user_releases("shop:2")
        world.until("Progressing").advance(seconds)
        world.user_edits(traffic={"service": "shpo", "ingress": "shop"})
        world.advance(60)
        assert world.status.message.startswith("service shpo not found"), world.told()
        assert_whole(world)
        world.user_edits(traffic={"service": "shop", "ingress": "shop"})
        world.until("Succeeded").advance(30)
        assert_whole(world)
        assert_nothing_left(world)

    @pytest.mark.parametrize("seconds", [5, 20, 60, 110, 125])
    def test_deletion_returns_the_traffic_first(self, seconds: int) -> None:
        world = resting(steps=QUICK, bake="1m")
        world.user_releases("shop:2")
        world.until("Progressing").advance(seconds)
        world.api.delete(KIND, "shop")
        world.advance(120)
        assert world.api.get(KIND, "shop") is None, world.told()
        assert_whole(world)
        assert_nothing_left(world)

    def test_an_idle_release_is_deleted_without_the_operator(self) -> None:
        world = resting()
        world.api.delete(KIND, "shop")
        assert world.api.get(KIND, "shop") is None

    def test_a_deployment_that_is_deleted_takes_its_release_along(self) -> None:
        world = resting(steps=QUICK)
        world.user_releases("shop:2")
        world.until("Progressing").advance(20)
        world.api.delete("Deployment", "shop")
        world.until("Stalled").advance(60)
        assert "deployment shop not found" in world.status.message
        assert_nothing_left(world)

    def test_an_autoscaler_that_another_one_replaced_is_not_given_back(self) -> None:
        world = resting(steps=QUICK)
        world.user_applies(manifests.autoscaler())
        world.user_releases("shop:2")
        world.until("Progressing").advance(20)
        other = manifests.autoscaler()
        other["metadata"]["name"] = "other"
        other["spec"]["behavior"] = {"scaleDown": {"selectPolicy": "Disabled"}}
        world.api.delete("HorizontalPodAutoscaler", "shop")
        world.user_applies(other)
        before = world.snapshot()["HorizontalPodAutoscaler", "other"]
        world.until("Succeeded").advance(30)
        assert_whole(world)
        assert world.snapshot()["HorizontalPodAutoscaler", "other"] == before

    def test_reapplied_manifests_move_nothing(self) -> None:
        world = resting(steps=QUICK)
        world.user_releases("shop:2")
        weights = set()
        for _ in range(120):
            world.advance(2)
            weights.add(world.weight)
            for manifest in (manifests.deployment("shop:2"), manifests.service(), manifests.ingress()):
                world.user_applies(manifest)
        assert world.status.phase == "Succeeded", world.told()
        assert weights == {0, 10, 50, 100}
        assert "TrafficDrift" not in world.event_reasons
        assert_whole(world)


class TestBadDays:
    def test_a_silent_prometheus_holds_and_never_rolls_back(self) -> None:
        world = resting(steps=QUICK)
        world.user_releases("shop:2")
        world.until("Progressing").advance(10)
        world.operator.silent_since = world.now
        world.advance(120)
        assert (world.weight, world.status.phase) == (10, "Progressing"), world.told()
        assert "Prometheus does not answer" in world.status.message
        world.operator.silent_since = None
        world.until("Succeeded").advance(30)
        assert_whole(world)

    def test_an_objective_that_cannot_be_judged_holds_and_says_why(self) -> None:
        world = resting(steps=QUICK, analysis={"latency": {"below": "300ms"}})
        world.operator.problems = {"latency": "there is no bucket at 300ms"}
        world.user_releases("shop:2")
        world.until("Progressing").advance(120)
        assert (world.weight, world.status.phase) == (10, "Progressing"), world.told()
        assert "there is no bucket at 300ms" in world.status.message
        assert_whole(world)

    def test_a_prometheus_that_stays_silent_stalls_the_release_aloud(self) -> None:
        world = resting(steps=QUICK)
        world.user_releases("shop:2")
        world.until("Progressing").advance(10)
        world.operator.silent_since = world.now
        world.until("Stalled")
        assert world.weight == 10
        world.operator.silent_since = None
        world.until("Succeeded").advance(30)
        assert_whole(world)

    def test_promote_and_abort_need_no_prometheus(self) -> None:
        for action, phase in (("promote", "Succeeded"), ("abort", "RolledBack")):
            world = resting(steps=QUICK)
            world.user_releases("shop:2")
            world.until("Progressing").advance(10)
            world.operator.silent_since = world.now
            world.until("Stalled")
            world.user_asks(action)
            world.until(phase, within=300).advance(30)
            assert_whole(world)

    def test_a_changed_route_is_put_back_and_reported(self) -> None:
        world = resting(steps=QUICK)
        world.user_releases("shop:2")
        world.until("Progressing").advance(20)
        drift = {"metadata": {"annotations": {"nginx.ingress.kubernetes.io/canary-weight": "90"}}}
        world.api.merge("Ingress", "shop-canary", drift, "stranger")
        world.advance(2)
        assert world.weight == 10
        assert "TrafficDrift" in world.event_reasons
        world.until("Succeeded").advance(30)
        assert_whole(world)

    def test_a_candidate_without_endpoints_gets_no_traffic_until_it_has_some(self) -> None:
        world = resting(steps=QUICK)
        world.user_releases("shop:2")
        world.until("Progressing").advance(20)
        for pod in world.controllers.pods.values():
            if pod.image == "shop:2":
                pod.leaving = world.now
        world.advance(2)
        assert world.weight == 0
        assert "LostEndpoints" in world.event_reasons
        world.until("Succeeded").advance(30)
        assert_whole(world)
