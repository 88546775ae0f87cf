"""Bringing the cluster's traffic to a route: the pin of the user's Service, and the router's objects."""

from headgate.api.fields import moment
from headgate.api.status import Held, Mark, Progress
from headgate.release import wording
from headgate.release.decision import Action, Apply, Decision, Delete, Event, Patch
from headgate.release.observation import Unknown
from headgate.release.reasons import Reason
from headgate.release.tick import Tick
from headgate.routing.route import Route
from headgate.routing.service import pin_patch

_WATCH_STABLE = 2.0
"""Seconds between two looks at stable's endpoints while it has none."""
_WATCH_GATEWAY = 10.0
"""Seconds after which a route that no gateway has accepted is looked at again; its status is watched, too."""

_MOST_MARKS = 200
_NOT_ROUTES = frozenset({"Service", "ReplicaSet"})


def enforce(tick: Tick, route: Route) -> tuple[Action, ...]:
    """The writes that bring the traffic to a route; empty when it is there.

    The pin comes first: it leads to pods that serve, whatever the router's objects say.
    """
    return (*_pin(tick, route), *_apply(tick, route), *_remove(tick, route))


def drift(tick: Tick, route: Route) -> Event:
    """The event that says what of a route someone changed."""
    seen = tick.seen.router.observe(route, tick.seen.ours)
    return Event(Reason.TRAFFIC_DRIFT, wording.drifted(seen.reason or "the service's selector"))


def unserved(tick: Tick, route: Route) -> Decision | None:
    """The wait before a lost pin is put back to a stable without a ready pod: until then the candidate serves alone."""
    service, pods = tick.seen.service, tick.seen.stable_endpoints
    lost = service is not None and service.pin is None and tick.seen.router.pin(route) == tick.stable.revision
    if not lost or not awaited(tick):
        return None
    if isinstance(pods, Unknown):
        return Decision(tick.status, look=tick.seen.missing("stable_endpoints"))
    return None if not pods or pods - tick.seen.endpoints else stable_down(tick)


def awaited(tick: Tick) -> bool:
    """Whether pods are to come that traffic can go back to: none of a Deployment that is gone, or is to have none."""
    return tick.seen.target is not None and tick.seen.target.replicas > 0


def stable_down(tick: Tick) -> Decision:
    """The wait until stable has a ready pod; its endpoints are not watched, so they are looked at now and then."""
    message = wording.stable_is_down(tick.stable)
    return Decision(tick.say("Stalled", "StableDown", message), wake_at=tick.now + _WATCH_STABLE)


def strays(tick: Tick) -> tuple[Action, ...]:
    """The removal of routes of ours for which the user's own entrance has no place any more."""
    return _remove(tick, tick.route(tick.progress.weight))


def held_for(tick: Tick, route: Route) -> Held:
    """What is held in the user's objects while this route is in force."""
    pin = tick.seen.router.pin(route)
    return tick.status.held.model_copy(
        update={"deployment": True, "service": tick.service if pin else None, "pod_template_hash": pin}
    )


def with_mark(tick: Tick, progress: Progress, weight: int) -> Progress:
    """The progress after the traffic changed: the split from now on is another one."""
    mark = Mark(at=tick.now, until=moment(tick.now + tick.settle), weight=weight, step=_index(tick))
    return _marked(progress, mark).model_copy(update={"weight": weight, "routed_at": tick.now, "in_force": False})


def with_step_mark(tick: Tick) -> Progress:
    """The progress in a step that goes on with the weight of the one before: its proof begins anew.

    Without traffic there is nothing to prove, and Prometheus need not be asked.
    """
    if tick.progress.weight == 0:
        return tick.progress
    mark = Mark(at=tick.now, until=tick.now, weight=tick.progress.weight, step=_index(tick))
    return _marked(tick.progress, mark)


def _marked(progress: Progress, mark: Mark) -> Progress:
    return progress.model_copy(update={"marks": (*progress.marks, mark)[-_MOST_MARKS:]})


def _index(tick: Tick) -> int:
    return tick.status.step.index if tick.status.step else 0


def settled(tick: Tick) -> bool:
    """Whether every proxy follows the last change of the route."""
    return tick.progress.routed_at is None or tick.now >= settles_at(tick)


def settles_at(tick: Tick) -> float:
    """When every proxy follows the last change of the route; asked again then, where one has not taken it up."""
    due = (tick.progress.routed_at or tick.now) + tick.settle
    return max(due, tick.now + _WATCH_GATEWAY) if tick.pending else due


def _pin(tick: Tick, route: Route) -> tuple[Action, ...]:
    pin = tick.seen.router.pin(route)
    if tick.seen.service is None or tick.seen.service.pin == pin:
        return ()
    return (Patch(tick.ref("Service", tick.service), "merge", pin_patch(pin)),)


def _apply(tick: Tick, route: Route) -> tuple[Action, ...]:
    router = tick.seen.router
    if router.observe(route, tick.seen.ours).state in {"accepted", "pending"}:
        return ()
    return tuple(Apply(manifest) for manifest in router.render(route))


def _remove(tick: Tick, route: Route) -> tuple[Action, ...]:
    wanted = {(item["kind"], item["metadata"]["name"]) for item in tick.seen.router.render(route)}
    return tuple(
        Delete(tick.ref(item["kind"], item["metadata"]["name"]), item["metadata"].get("uid", ""))
        for item in tick.seen.ours
        if item["kind"] not in _NOT_ROUTES and (item["kind"], item["metadata"]["name"]) not in wanted
    )
