"""The invariants of the design, under crashes, refused calls and whatever people do at the same time."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.api.names import KIND
from tests.simulation import manifests
from tests.simulation.operator import CrashError, RefusedError
from tests.simulation.test_release import BAD, QUICK, assert_nothing_left, assert_whole
from tests.simulation.world import World, resting

_ROUTERS = {"ingress": {"ingress": "shop"}, "http route": {"httpRoute": "shop"}, "service": {"service": "shop"}}
_NONE = {"service": None, "ingress": None, "httpRoute": None}
_CALLS = {"good": 32, "bad": 20}
"""How many calls a release of a version makes, and a few more."""


def failing_at(calls: frozenset[int], error: type[Exception]) -> Callable[[int], None]:
    """A fault that strikes just before the calls with these numbers."""

    def fault(call: int) -> None:
        if call in calls:
            raise error

    return fault


def released(fault: Callable[[int], None], error_rates: dict[str, float], **spec: Any) -> World:
    """A release of shop:2 during which calls fail, from rest to its end."""
    world = resting(steps=QUICK, **spec)
    world.proxy.error_rates.update(error_rates)
    first = next(world.operator.calls) + 1
    world.operator.fault = lambda call: fault(call - first)
    world.user_releases("shop:2")
    return world.until("Progressing").until("Succeeded", "RolledBack").advance(60)


@pytest.mark.parametrize(("kind", "error_rates"), [("good", {}), ("bad", BAD)])
def test_faults_are_tried_before_every_call_of_a_release(kind: str, error_rates: dict[str, float]) -> None:
    calls: list[int] = []
    released(calls.append, error_rates)
    assert max(calls) < _CALLS[kind]


@pytest.mark.parametrize("error", [CrashError, RefusedError])
@pytest.mark.parametrize("call", range(_CALLS["good"]))
def test_invariant_6_a_fault_before_any_call_changes_no_outcome(call: int, error: type[Exception]) -> None:
    """A good version is promoted although the operator dies, or is refused, just before its nth call."""
    world = released(failing_at(frozenset({call}), error), {})
    assert world.status.phase == "Succeeded", world.told()
    assert_whole(world)
    assert_nothing_left(world)
    assert world.event_reasons.count("TrafficDrift") == 0, world.told()


@pytest.mark.parametrize("error", [CrashError, RefusedError])
@pytest.mark.parametrize("call", range(_CALLS["bad"]))
def test_invariant_6_a_bad_version_is_rolled_back_in_spite_of_a_fault(call: int, error: type[Exception]) -> None:
    world = released(failing_at(frozenset({call}), error), BAD)
    assert world.status.phase == "RolledBack", world.told()
    assert_whole(world)
    assert_nothing_left(world)


@given(
    faults=st.sets(st.integers(0, 120), max_size=25),
    crashes=st.booleans(),
    bad=st.booleans(),
    router=st.sampled_from(sorted(_ROUTERS)),
    policies=st.booleans(),
)
def test_many_faults_change_no_outcome(faults: set[int], crashes: bool, bad: bool, router: str, policies: bool) -> None:
    error = CrashError if crashes else RefusedError
    analysis = {"enabled": router != "service"}
    bad = bad and router != "service"
    world = resting(steps=QUICK, traffic=_ROUTERS[router], analysis=analysis, policies=policies)
    world.proxy.error_rates.update(BAD if bad else {})
    first = next(world.operator.calls) + 1
    world.operator.fault = lambda call: failing_at(frozenset(faults), error)(call - first)
    world.user_releases("shop:2")
    world.until("Progressing").until("RolledBack" if bad else "Succeeded").advance(60)
    assert_whole(world)
    assert_nothing_left(world)


HAPPENINGS: dict[str, Callable[[World], object]] = {
    "a new version": lambda world: world.user_releases("shop:2"),
    "a newer version": lambda world: world.user_releases("shop:3"),
    "a revert": lambda world: world.user_releases("shop:1"),
    "a restart": lambda world: world.user_releases("shop:2", **{"kubectl.kubernetes.io/restartedAt": str(world.now)}),
    "abort": lambda world: world.user_asks("abort"),
    "approve": lambda world: world.user_asks("approve"),
    "promote": lambda world: world.user_asks("promote"),
    "pause": lambda world: world.user_asks("pause"),
    "resume": lambda world: world.user_asks("resume"),
    "retry": lambda world: world.user_asks("retry"),
    "nonsense": lambda world: world.user_asks("nonsense"),
    "the service again": lambda world: world.user_applies(manifests.service()),
    "the ingress again": lambda world: world.user_applies(manifests.ingress()),
    "the http route again": lambda world: world.user_applies(manifests.http_route()),
    "more pods": lambda world: world.api.merge("Deployment", "shop", {"spec": {"replicas": 7}}, "autoscaler"),
    "fewer pods": lambda world: world.api.merge("Deployment", "shop", {"spec": {"replicas": 2}}, "autoscaler"),
    "other steps": lambda world: world.user_edits(steps=QUICK[1:]),
    "suspend": lambda world: world.user_edits(suspend=True),
    "go on": lambda world: world.user_edits(suspend=False),
    "a new API server": lambda world: world.restarts_api_server(),
    "errors": lambda world: world.proxy.error_rates.update(BAD),
    "no errors": lambda world: world.proxy.error_rates.clear(),
    "silence": lambda world: setattr(world.operator, "silent_since", world.now),
    "no silence": lambda world: setattr(world.operator, "silent_since", None),
}


@given(
    happenings=st.lists(st.tuples(st.sampled_from(sorted(HAPPENINGS)), st.integers(0, 90)), max_size=14),
    faults=st.sets(st.integers(0, 300), max_size=20),
    crashes=st.booleans(),
    router=st.sampled_from(sorted(_ROUTERS)),
)
def test_whatever_happens_no_request_is_lost_and_nothing_is_left(
    happenings: list[tuple[str, int]], faults: set[int], crashes: bool, router: str
) -> None:
    """Any schedule of people, faults and traffic, then peace: every request answered, every invariant kept."""
    world = resting(steps=QUICK, traffic=_ROUTERS[router], analysis={"enabled": router != "service"})
    world.operator.fault = failing_at(frozenset(faults), CrashError if crashes else RefusedError)
    for name, seconds in happenings:
        HAPPENINGS[name](world)
        world.advance(seconds)

    world.user_edits(suspend=False)
    world.operator.silent_since = None
    world.advance(30)
    world.api.delete(KIND, "shop")
    world.advance(180)

    assert world.api.get(KIND, "shop") is None, world.told()
    assert_whole(world)
    assert_nothing_left(world)


def remade(world: World) -> None:
    """The Deployment deleted and created at once, as `kubectl replace --force` does it."""
    world.api.delete("Deployment", "shop")
    world.user_applies(manifests.deployment("shop:2"))


def elsewhere() -> dict[str, Any]:
    """The user's Ingress with its path to another Service."""
    manifest = manifests.ingress()
    manifest["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["name"] = "excuses"
    return manifest


def vanish(world: World, image: str) -> None:
    """All pods of a version at once, as when their nodes are lost."""
    for pod in world.controllers.pods.values():
        if pod.image == image and pod.leaving is None:
            pod.leaving = world.now


def candidate_removed(world: World) -> None:
    """Someone deletes the candidate's ReplicaSet."""
    if world.status.candidate is not None:
        world.api.delete("ReplicaSet", f"shop-{world.status.candidate.revision}")


OUTRAGES: dict[str, Callable[[World], object]] = {
    "no pods": lambda world: world.scale(0),
    "many pods": lambda world: world.scale(12),
    "resumed": lambda world: world.api.merge("Deployment", "shop", {"spec": {"paused": None}}, "user"),
    "the deployment gone": lambda world: world.api.delete("Deployment", "shop"),
    "the deployment again": lambda world: world.user_applies(manifests.deployment("shop:2")),
    "the deployment anew": remade,
    "the service gone": lambda world: world.api.delete("Service", "shop"),
    "the ingress gone": lambda world: world.api.delete("Ingress", "shop"),
    "the http route gone": lambda world: world.api.delete("HTTPRoute", "shop"),
    "a slow gateway": lambda world: setattr(world.gateway, "lag", 45.0),
    "its path elsewhere": lambda world: world.user_applies(elsewhere()),
    "the candidate's service gone": lambda world: world.api.delete("Service", "shop-canary"),
    "the candidate's ingress gone": lambda world: world.api.delete("Ingress", "shop-canary"),
    "the candidate's http route gone": lambda world: world.api.delete("HTTPRoute", "shop-canary"),
    "the candidate's pods gone": lambda world: vanish(world, "shop:2"),
    "stable's pods gone": lambda world: vanish(world, "shop:1"),
    "the candidate removed": candidate_removed,
    "crash loops": lambda world: world.controllers.never_ready.add("shop:2"),
    "an autoscaler": lambda world: world.user_applies(manifests.autoscaler()),
    "no autoscaler": lambda world: world.api.delete("HorizontalPodAutoscaler", "shop"),
    "no ingress named": lambda world: world.user_edits(traffic={"service": "shop", "ingress": None, "httpRoute": None}),
    "an ingress named": lambda world: world.user_edits(traffic={**_NONE, "ingress": "shop"}),
    "an http route named": lambda world: world.user_edits(traffic={**_NONE, "httpRoute": "shop"}),
    "a look": lambda world: world.user_edits(steps=[{"pause": {}}]),
    "many steps": lambda world: world.user_edits(steps=[*QUICK, {"pause": {"duration": "5s"}}, {"setWeight": 100}]),
    "on failure hold": lambda world: world.user_edits(onFailure="Hold"),
    "no policies": lambda world: world.without_policies(),
}


@given(
    happenings=st.lists(
        st.tuples(st.sampled_from(sorted({**HAPPENINGS, **OUTRAGES})), st.integers(0, 60)), max_size=12
    ),
    faults=st.sets(st.integers(0, 300), max_size=10),
    router=st.sampled_from(sorted(_ROUTERS)),
    policies=st.booleans(),
)
def test_whatever_is_done_to_its_surroundings_the_next_release_is_promoted_and_leaves_nothing(
    happenings: list[tuple[str, int]], faults: set[int], router: str, policies: bool
) -> None:
    """Who takes pods, routes or the Deployment away loses requests; once they are back, none is lost any more."""
    analysis = {"enabled": router != "service"}
    world = resting(steps=QUICK, traffic=_ROUTERS[router], analysis=analysis, policies=policies)
    world.operator.fault = failing_at(frozenset(faults), CrashError)
    for name, seconds in happenings:
        {**HAPPENINGS, **OUTRAGES}[name](world)
        world.advance(seconds)

    peace(world, router)
    world.user_releases("shop:9")
    for _ in range(900):
        record = next(iter(world.advance(1).status.history), None)
        if record and record.image == "shop:9":
            break
    world.advance(30)

    assert world.status.phase == "Succeeded", world.told()
    assert_nothing_left(world)
    assert {pod.image for pod in world.controllers.pods.values()} == {"shop:9"}, world.told()
    assert world.objections == [], world.told()
    world.proxy.lost.clear()
    assert world.advance(5).proxy.lost == [], world.told()
    scaler = world.api.get("HorizontalPodAutoscaler", "shop")
    assert scaler is None or "behavior" not in scaler["spec"]


def peace(world: World, router: str) -> None:
    """Everything is given back that a release needs, and nobody is in its way."""
    world.controllers.never_ready.clear()
    for pod in world.controllers.pods.values():
        pod.ready_at = min(pod.ready_at, world.now + 1.0)
    world.proxy.error_rates.clear()
    world.operator.silent_since = None
    if world.api.get("Deployment", "shop") is None:
        world.user_applies(manifests.deployment("shop:1"))
    for manifest in (manifests.service(), manifests.ingress(), manifests.http_route()):
        world.user_applies(manifest)
    world.gateway.lag = 2.0
    world.gateway.due.clear()
    world.scale(4)
    traffic = {**_NONE, **_ROUTERS[router]}
    world.user_edits(suspend=False, steps=QUICK, onFailure="Rollback", traffic=traffic)
    world.advance(10)
