"""The invariants of the design, under crashes, refused calls and whatever people do at the same time."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.api.names import KIND
from tests.simulation import manifests
from tests.simulation.operator import CrashError, RefusedError
from tests.simulation.test_release import BAD, QUICK, assert_nothing_left, assert_whole
from tests.simulation.world import World, resting

_ROUTERS = {"ingress": {"ingress": "shop"}, "service": {"service": "shop"}}
_CALLS_OF_A_RELEASE = 60


def failing_at(calls: frozenset[int], error: type[Exception]) -> Callable[[int], None]:
    """A fault that strikes just before the calls with these numbers."""

    def fault(call: int) -> None:
        if call in calls:
            raise error

    return fault


def released(fault: Callable[[int], None], error_rates: dict[str, float], **spec: Any) -> World:
    """A release of shop:2 during which calls fail, from rest to its end."""
    world = resting(steps=QUICK, **spec)
    world.proxy.error_rates = error_rates
    first = next(world.operator.calls) + 1
    world.operator.fault = lambda call: fault(call - first)
    world.user_releases("shop:2")
    return world.until("Progressing").until("Succeeded", "RolledBack").advance(60)


@pytest.mark.parametrize("error", [CrashError, RefusedError])
@pytest.mark.parametrize("call", range(_CALLS_OF_A_RELEASE))
def test_invariant_6_a_fault_before_any_call_changes_no_outcome(call: int, error: type[Exception]) -> None:
    """A good version is promoted although the operator dies, or is refused, just before its nth call."""
    world = released(failing_at(frozenset({call}), error), {})
    assert world.status.phase == "Succeeded", world.told()
    assert_whole(world)
    assert_nothing_left(world)
    assert world.event_reasons.count("TrafficDrift") == 0, world.told()


@pytest.mark.parametrize("error", [CrashError, RefusedError])
@pytest.mark.parametrize("call", range(0, _CALLS_OF_A_RELEASE, 2))
def test_invariant_6_a_bad_version_is_rolled_back_in_spite_of_a_fault(call: int, error: type[Exception]) -> None:
    world = released(failing_at(frozenset({call}), error), BAD)
    assert world.status.phase == "RolledBack", world.told()
    assert_whole(world)
    assert_nothing_left(world)


@settings(deadline=None, max_examples=25)
@given(
    faults=st.sets(st.integers(0, 120), max_size=25),
    crashes=st.booleans(),
    bad=st.booleans(),
    router=st.sampled_from(sorted(_ROUTERS)),
    policies=st.booleans(),
)
def test_many_faults_change_no_outcome(faults: set[int], crashes: bool, bad: bool, router: str, policies: bool) -> None:
    error = CrashError if crashes else RefusedError
    analysis = {} if router == "ingress" else {"enabled": False}
    bad = bad and router == "ingress"
    world = resting(steps=QUICK, traffic=_ROUTERS[router], analysis=analysis, policies=policies)
    world.proxy.error_rates = BAD if bad else {}
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
    "more pods": lambda world: world.api.merge("Deployment", "shop", {"spec": {"replicas": 7}}, "autoscaler"),
    "fewer pods": lambda world: world.api.merge("Deployment", "shop", {"spec": {"replicas": 2}}, "autoscaler"),
    "other steps": lambda world: world.user_edits(steps=QUICK[1:]),
    "suspend": lambda world: world.user_edits(suspend=True),
    "go on": lambda world: world.user_edits(suspend=False),
    "errors": lambda world: world.proxy.error_rates.update(BAD),
    "no errors": lambda world: world.proxy.error_rates.clear(),
    "silence": lambda world: setattr(world.operator, "silent_since", world.now),
    "no silence": lambda world: setattr(world.operator, "silent_since", None),
}


@settings(deadline=None, max_examples=40)
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
    world = resting(steps=QUICK, traffic=_ROUTERS[router], analysis={} if router == "ingress" else {"enabled": False})
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
