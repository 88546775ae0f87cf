"""Promotion by adoption: the pods that were judged are the pods that stay.

Order of the writes: all traffic to the candidate by the router; then the user's Service to the candidate, on which no
traffic depends yet; then the router's objects away, since the Service leads to the same pods; a bake with the old pods
warm and the way back one pin away; then the ReplicaSet is let go and the Deployment unpaused, and adopts it.
"""

from dataclasses import replace

from headgate.api.status import Status
from headgate.api.steps import DEFAULT_BAKE
from headgate.release import wording
from headgate.release.decision import Action, Decision, Delete, Event, Patch
from headgate.release.observation import Unknown
from headgate.release.reasons import Reason
from headgate.release.retreat import fail, leave, serving
from headgate.release.stage import Stage
from headgate.release.stepping import endangered, prepare, reach, resized, suspended
from headgate.release.tick import Tick
from headgate.release.traffic import drift, enforce, held_for, settled, settles_at, with_mark
from headgate.workloads.candidate import adoption_patch, unpause_patch
from headgate.workloads.endpoints import ready_of
from headgate.workloads.replica_set import twins_among

_LOOK_AGAIN = 1.0


def _found_bad(tick: Tick) -> Decision | None:
    """The end of a release that turns bad after its steps, unless a person asked to promote it without."""
    ready = serving(tick)
    if isinstance(ready, Unknown):
        return Decision(tick.status, look=tick.seen.missing("stable_endpoints"))
    if ready == 0 or tick.seen.candidate is None:
        return fail(tick, Reason.LOST_ENDPOINTS, wording.no_endpoints(tick.candidate))
    if tick.progress.skip or tick.judgement.verdict != "Bad":
        return None
    return fail(tick, Reason.BAD, tick.judgement.reason)


def fill(tick: Tick) -> Decision:
    """All traffic to the candidate, by the router."""
    frozen = suspended(tick)
    moving = endangered(tick) or prepare(tick) or reach(tick, tick.progress.weight if frozen else 100) or frozen
    if moving is not None:
        return moving
    switched = tick.at(tick.status.told(progress=tick.moved(Stage.SWITCH, routed_at=tick.now)))
    held = held_for(switched, switched.route(100))
    status = switched.say("Promoting", "Switching", wording.switching(tick.service, tick.candidate), held=held)
    return Decision(status, again=True)


def switch(tick: Tick) -> Decision:
    """The user's Service to the candidate's pods; gated by what the Service then really leads to."""
    moving = _found_bad(tick) or prepare(tick) or resized(tick, 100)
    if moving is not None:
        return moving
    writes = enforce(tick, tick.route(100))
    if writes:
        return Decision(tick.status, actions=writes, again=True)
    if not settled(tick):
        return Decision(tick.status, wake_at=settles_at(tick))
    pods = tick.seen.stable_endpoints
    if isinstance(pods, Unknown):
        return Decision(tick.status, look=tick.seen.missing("stable_endpoints"))
    if not pods or ready_of(pods, tick.candidate_set) < len(pods):
        return Decision(tick.status, wake_at=tick.now + 1.0)
    message = wording.baking(_bake(tick), tick.candidate)
    return Decision(tick.say("Promoting", "Baking", message, progress=tick.moved(Stage.BAKE)), again=True)


def bake(tick: Tick) -> Decision:
    """The user's own Service carries all traffic to the candidate; the old pods are warm and one pin away."""
    moving = _found_bad(tick) or prepare(tick) or resized(tick, 100)
    if moving is not None:
        return moving
    writes = enforce(tick, tick.route(0))
    if writes:
        return _kept_switched(tick, writes)
    until = max(tick.progress.since + _bake(tick), settles_at(tick))
    if tick.now < until:
        message = wording.baking(until - tick.now, tick.candidate)
        return Decision(tick.say("Promoting", "Baking", message), wake_at=until)
    return suspended(tick) or _release_hold(tick)


def _kept_switched(tick: Tick, writes: tuple[Action, ...]) -> Decision:
    """The candidate's own route goes; a Service that someone changed is switched again, which is another split."""
    if tick.seen.service is None or tick.seen.service.pin == tick.candidate.revision:
        return Decision(tick.status, actions=writes, again=True)
    status = tick.status.told(progress=with_mark(tick, tick.progress, tick.progress.weight))
    return Decision(status, actions=(*writes, drift(tick, tick.route(0))), again=True)


def _bake(tick: Tick) -> float:
    """How long the old pods stay warm: at least until every proxy has left the candidate's own route."""
    return max(DEFAULT_BAKE if tick.spec.bake is None else tick.spec.bake, tick.settle)


def _release_hold(tick: Tick) -> Decision:
    """The point of no return: from here on the Deployment may move. The pin stays until its old pods are gone."""
    free = tick.status.held.model_copy(update={"deployment": False})
    message = wording.adopting(tick.target.name, tick.candidate)
    progress = tick.moved(Stage.ADOPT, outcome="Promoted", reason="")
    return Decision(tick.say("Promoting", "Adopting", message, progress=progress, held=free), again=True)


def adopt(tick: Tick) -> Decision:
    """Let the candidate's ReplicaSet go, unpause the Deployment, and wait until only its pods are left."""
    if tick.seen.target is None:
        return _abandoned(tick)
    target, ours = tick.target, tick.seen.candidate
    if ours is not None and tick.uprooted:
        return leave(tick, "Superseded", wording.target_replaced(target.name))
    if ours is not None and target.identity != tick.candidate.template:
        return leave(tick, "Superseded", wording.superseded(tick.candidate))
    actions: list[Action] = []
    if ours is not None:
        sets = tick.seen.replica_sets
        if isinstance(sets, Unknown):
            return Decision(tick.status, look=tick.seen.missing("replica_sets"))
        # Whatever pods a twin has get no traffic: the Service is pinned to ours.
        twins = twins_among(sets, target.uid, target.identity)
        actions.extend(Delete(tick.ref("ReplicaSet", twin.name), twin.uid) for twin in twins)
        actions.append(Patch(tick.ref("ReplicaSet", ours.name), "json", adoption_patch(ours.uid, target)))
    if target.paused and target.identity == tick.candidate.template:
        actions.append(Patch(tick.ref("Deployment", target.name), "json", unpause_patch(target)))
    if actions:
        return Decision(tick.status, actions=tuple(actions), again=True)
    return _rolled(tick) if tick.progress.adopted else _adopted(tick)


def _abandoned(tick: Tick) -> Decision:
    """The Deployment was deleted before it took the candidate's pods, which may have been let go already."""
    left = leave(tick, "Deleted", wording.target_gone(tick.spec.target_ref.name))
    return replace(left, first=(Delete(tick.ref("ReplicaSet", tick.candidate_set)), *left.first))


def _adopted(tick: Tick) -> Decision:
    """Whether the Deployment controller took our ReplicaSet, and not another of an equal template."""
    target, sets = tick.target, tick.seen.replica_sets
    if target.observed_generation < target.generation:
        return Decision(tick.status)
    if isinstance(sets, Unknown):
        return Decision(tick.status, look=tick.seen.missing("replica_sets"))
    ours = next((item for item in sets if item.name == tick.candidate_set), None)
    if ours is not None and not ours.owner:
        return Decision(tick.status, wake_at=tick.now + _LOOK_AGAIN)
    if ours is None or (ours.replicas == 0 and target.replicas > 0):
        note = wording.replaced(target.name, tick.candidate)
        return Decision(_tidying(tick), actions=(Event(Reason.PODS_REPLACED, note),), again=True)
    return Decision(tick.status.told(progress=tick.progress.model_copy(update={"adopted": True})), again=True)


def _rolled(tick: Tick) -> Decision:
    """Wait for the old pods to go; a Deployment that a newer template holds has no more to roll."""
    if tick.target.paused or tick.target.current == tick.target.replicas:
        return Decision(_tidying(tick), again=True)
    return Decision(tick.status)


def _tidying(tick: Tick) -> Status:
    return tick.status.told(progress=tick.moved(Stage.TIDY))
