"""The way back: traffic to stable in one write, then draining, then the removal of the candidate."""

from headgate.api.status import Outcome, Weights
from headgate.release import wording
from headgate.release.decision import Action, Decision, Delete, Event
from headgate.release.observation import Unknown
from headgate.release.reasons import Reason
from headgate.release.stage import SWITCHED, Stage
from headgate.release.tick import Tick
from headgate.release.traffic import awaited, drift, enforce, held_for, stable_down, unserved, with_mark
from headgate.workloads.endpoints import ready_of
from headgate.workloads.replica_set import ReplicaSet, twins_among

DRAIN = 5.0
"""Seconds for requests that were under way when the traffic had left."""

_EVENTS: dict[Outcome, Reason] = {
    "RolledBack": Reason.ROLLED_BACK,
    "Superseded": Reason.SUPERSEDED,
    "Reverted": Reason.REVERTING,
    "Deleted": Reason.DELETING,
}


def fail(tick: Tick, reason: Reason, message: str) -> Decision:
    """The end of a release that was found bad, did not become ready or proved nothing in time."""
    return leave(tick, "RolledBack", message, Event(reason, message))


def leave(tick: Tick, outcome: Outcome, why: str, *events: Event) -> Decision:
    """All traffic to stable, ahead of every other write and gated by one thing only: stable must be able to take it."""
    stable_ready, ready = _stable_ready(tick), serving(tick)
    if isinstance(stable_ready, Unknown) or isinstance(ready, Unknown):
        return Decision(tick.status, look=tick.seen.missing("stable_endpoints"))
    carries = tick.progress.weight > 0 or tick.progress.stage in SWITCHED
    if carries and stable_ready == 0 and ready > 0 and awaited(tick):
        return stable_down(tick)
    moved = tick.moved(Stage.RETURN, outcome=outcome, reason=why, approved_by=None, frozen=False, skip=False)
    if carries:
        moved = with_mark(tick, moved, 0)
    leaving = tick.at(tick.with_evidence().told(progress=moved))
    route = leaving.route(0, "stable")
    note = wording.returning(tick.stable, why)
    status = leaving.say("RollingBack", outcome, note, weights=Weights(), held=held_for(leaving, route))
    return Decision(status, first=enforce(leaving, route), actions=(*events, Event(_EVENTS[outcome], note)), again=True)


def serving(tick: Tick) -> int | Unknown:
    """The candidate's ready pods behind its own Service or, once that is switched, behind the user's."""
    if tick.ready > 0 or tick.progress.stage not in SWITCHED:
        return tick.ready
    pods = tick.seen.stable_endpoints
    return pods if isinstance(pods, Unknown) else ready_of(pods, tick.candidate_set)


def _stable_ready(tick: Tick) -> int | Unknown:
    """Stable's ready pods. Where the user's Service does not lead to stable, the Deployment's own count must do."""
    service = tick.seen.service
    switched = tick.progress.stage in SWITCHED or service is None or service.pin == tick.candidate.revision
    if switched or tick.uprooted:
        return tick.seen.target.available if tick.seen.target else 0
    if tick.progress.weight == 0:
        return 0
    pods = tick.seen.stable_endpoints
    return pods if isinstance(pods, Unknown) else len(pods - tick.seen.endpoints)


def go_back(tick: Tick) -> Decision:
    """Traffic is on its way back to stable: keep it there until every proxy follows and open requests are done."""
    drifted = _put_back(tick)
    if drifted is not None:
        return drifted
    if tick.progress.routed_at is not None:
        drained = tick.progress.routed_at + tick.settle + DRAIN
        if tick.now < drained:
            return Decision(tick.status, wake_at=drained)
    keep = tick.progress.outcome == "RolledBack" and tick.spec.on_failure == "Hold"
    return Decision(tick.status.told(progress=tick.moved(Stage.KEEP if keep else Stage.REMOVE)), again=True)


def _twins(tick: Tick, sets: tuple[ReplicaSet, ...]) -> tuple[ReplicaSet, ...]:
    """What the Deployment made of the version itself, where someone resumed it; paused it would keep them."""
    target = tick.seen.target
    if target is None or tick.uprooted or not target.paused:
        return ()
    return twins_among(sets, target.uid, tick.candidate.template)


def _put_back(tick: Tick) -> Decision | None:
    """Traffic that someone led to the candidate again goes back to stable, and drains once more."""
    route = tick.route(0, "stable")
    writes = enforce(tick, route)
    if not writes:
        return None
    if waiting := unserved(tick, route):
        return waiting
    status = tick.status.told(progress=tick.moved(Stage.RETURN, routed_at=tick.now))
    events = () if tick.uprooted else (drift(tick, route),)
    return Decision(status, first=writes, actions=events, again=True)


def keep(tick: Tick) -> Decision:
    """A failed candidate without traffic, kept until someone aborts or retries."""
    drifted = _put_back(tick)
    if drifted is not None:
        return drifted
    message = wording.kept(tick.stable, tick.progress.reason)
    return Decision(tick.say("Paused", "KeptForInspection", message))


def remove(tick: Tick) -> Decision:
    """The candidate goes: its pods first, its Service when it leads nowhere, so that no pin is lifted too early."""
    drifted = _put_back(tick)
    if drifted is not None:
        return drifted
    actions: list[Action] = []
    if tick.seen.candidate is not None:
        sets = tick.seen.replica_sets
        if isinstance(sets, Unknown):
            return Decision(tick.status, look=tick.seen.missing("replica_sets"))
        goes = (tick.seen.candidate, *_twins(tick, sets))
        actions.extend(Delete(tick.ref("ReplicaSet", item.name), item.uid) for item in goes)
    elif tick.ready > 0:
        return Decision(tick.status)
    else:
        actions.extend(
            Delete(tick.ref(item["kind"], item["metadata"]["name"]), item["metadata"].get("uid", ""))
            for item in tick.seen.ours
        )
    if actions:
        return Decision(tick.status, actions=tuple(actions), again=True)
    return Decision(tick.status.told(progress=tick.moved(Stage.TIDY)), again=True)
