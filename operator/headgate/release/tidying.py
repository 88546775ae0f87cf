"""Giving back what was held in the user's objects, and removing what was made: nothing of ours is left at rest."""

import json
from collections.abc import Callable

from headgate.api.names import FINALIZER
from headgate.api.ownership import disown_patch
from headgate.api.status import Outcome, Record, Status, Summary, Weights
from headgate.release import wording
from headgate.release.decision import Action, Decision, Delete, Event, Patch
from headgate.release.observation import Unknown
from headgate.release.reasons import Reason
from headgate.release.tick import Tick
from headgate.routing.service import pin_patch
from headgate.workloads.autoscaler import restore_patch

_HISTORY = 10


def leftovers(tick: Tick) -> Decision | None:
    """The next things to give back or remove; None when nothing of ours is left.

    The pin goes while its policy still keeps what a Service has: nobody's dry run may find a difference before the
    status of the end tells the policy that there is nothing to hold.
    """
    scaling = _autoscaler(tick)
    if scaling is not None:
        return scaling
    actions = (*_unpin(tick), *_objects(tick))
    if actions:
        return Decision(tick.status, actions=actions, again=True)
    if tick.release.finalized:
        return Decision(tick.status, actions=(_unfinalize(tick),), again=True)
    return None


def _unpin(tick: Tick) -> tuple[Action, ...]:
    """The patch that frees the user's Service, and after that the one that takes our name off it."""
    service = tick.seen.service
    if service is None:
        return ()
    ref = tick.ref("Service", service.name)
    if service.pin is not None and service.pin in _revisions(tick):
        return (Patch(ref, "merge", pin_patch(None)),)
    if service.pin is not None or service.managed_at is None:
        return ()  # nothing of ours is in it, or another release holds it
    return (Patch(ref, "json", disown_patch(service.managed_at)),)


def _revisions(tick: Tick) -> set[str]:
    """Every pod-template-hash that Headgate can have pinned this Service to."""
    status = tick.status
    versions = {version.revision for version in (status.stable, status.candidate) if version}
    made = {tick.seen.candidate.revision} if tick.seen.candidate else set()
    return versions | made | {record.revision for record in status.history}


def _objects(tick: Tick) -> tuple[Action, ...]:
    """The deletion of what was made for the release; the user's Service is freed before."""
    routes = [Delete(tick.ref(item["kind"], item["metadata"]["name"]), _uid(item)) for item in tick.seen.ours]
    if tick.seen.candidate is not None:
        routes.append(Delete(tick.ref("ReplicaSet", tick.seen.candidate.name), tick.seen.candidate.uid))
    return tuple(routes)


def _uid(manifest: dict[str, dict[str, str]]) -> str:
    return manifest["metadata"].get("uid", "")


def _autoscaler(tick: Tick) -> Decision | None:
    """Giving an autoscaler its behavior back, then taking our name off it."""
    held, found = tick.status.held, tick.seen.autoscaler
    if held.autoscaler is None:
        return None
    if isinstance(found, Unknown):
        return Decision(tick.status, look=tick.seen.missing("autoscaler"))
    ref = tick.ref("HorizontalPodAutoscaler", held.autoscaler)
    if found != "none" and found.name != held.autoscaler:
        found = "none"  # the one that was held is gone, another has taken its place
    if found != "none" and found.held:
        behavior = json.loads(held.behavior) if held.behavior else None
        return Decision(tick.status, actions=(Patch(ref, "json", restore_patch(behavior)),), again=True)
    if found != "none" and found.managed_at is not None:
        return Decision(tick.status, actions=(Patch(ref, "json", disown_patch(found.managed_at)),), again=True)
    return Decision(tick.status.told(held=held.model_copy(update={"autoscaler": None, "behavior": None})), again=True)


def _unfinalize(tick: Tick) -> Patch:
    position = tick.release.finalizers.index(FINALIZER)
    path = f"/metadata/finalizers/{position}"
    body = [{"op": "test", "path": path, "value": FINALIZER}, {"op": "remove", "path": path}]
    return Patch(tick.this, "json", body)


def tidy(tick: Tick) -> Decision:
    """The end of a release, whatever its outcome."""
    leftover = leftovers(tick)
    if leftover is not None:
        return leftover
    return _ended(tick)


def _ended(tick: Tick) -> Decision:
    """The status of a release that has ended, and the event that says so."""
    progress, outcome = tick.progress, tick.progress.outcome or "Promoted"
    record = Record(
        revision=tick.candidate.revision,
        image=tick.candidate.image,
        outcome=outcome,
        message=progress.reason,
        started_at=progress.started_at,
        finished_at=tick.now,
    )
    status, events = _ENDS[outcome](tick)
    history = (record, *tick.status.history)[:_HISTORY]
    held = status.held.model_copy(update={"service": None, "pod_template_hash": None})
    return Decision(status.told(progress=None, step=None, history=history, held=held), actions=events, again=True)


def _promoted(tick: Tick) -> tuple[Status, tuple[Event, ...]]:
    requests = max((item.requests for item in tick.status.evidence), default=0)
    message = wording.promoted(tick.candidate, requests)
    status = tick.say("Succeeded", "Promoted", message, stable=tick.candidate, candidate=None, weights=Weights())
    return status.told(summary=Summary()), (Event(Reason.PROMOTED, message),)


def _rolled_back(tick: Tick) -> tuple[Status, tuple[Event, ...]]:
    message = wording.rolled_back(tick.stable, tick.progress.reason)
    return tick.say("RolledBack", "RolledBack", message, rejected=tick.candidate.template), ()


def _reverted(tick: Tick) -> tuple[Status, tuple[Event, ...]]:
    message = wording.reverted(tick.stable)
    return tick.say("Idle", "Reverted", message, candidate=None), (Event(Reason.REVERTED, message),)


def _superseded(tick: Tick) -> tuple[Status, tuple[Event, ...]]:
    return tick.say("Progressing", "Superseded", tick.progress.reason), ()


def _deleted(tick: Tick) -> tuple[Status, tuple[Event, ...]]:
    return tick.say("Idle", "Deleted", tick.progress.reason), ()


_ENDS: dict[Outcome, Callable[[Tick], tuple[Status, tuple[Event, ...]]]] = {
    "Promoted": _promoted,
    "RolledBack": _rolled_back,
    "Reverted": _reverted,
    "Superseded": _superseded,
    "Deleted": _deleted,
}
