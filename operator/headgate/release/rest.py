"""Between releases: knowing which version serves, noticing a new template, beginning a release."""

import json
from collections.abc import Iterable
from typing import Literal

from headgate.api.status import Held, Progress, Status, StepStatus, Summary, Version
from headgate.api.steps import steps_of
from headgate.release import wording
from headgate.release.checks import problem_of
from headgate.release.decision import Decision, Delete, Event, Fact, Patch
from headgate.release.observation import Unknown
from headgate.release.reasons import Reason
from headgate.release.stage import Stage
from headgate.release.tick import Tick
from headgate.release.tidying import leftovers
from headgate.workloads.autoscaler import Autoscaler
from headgate.workloads.deployment import Deployment
from headgate.workloads.replica_set import ReplicaSet, serving_among, twins_among
from headgate.workloads.template import revision_of


def rest(tick: Tick) -> Decision:
    """What to do while nothing is being released."""
    leftover = leftovers(tick)
    if leftover is not None or tick.release.deleting:
        return leftover or Decision(tick.status)
    problem = problem_of(tick)
    if problem:
        return Decision(tick.say("Stalled", "InvalidSpec", problem))
    status, target = tick.status, tick.target
    if status.stable is not None and status.stable.template == target.identity:
        return _serving(tick)
    if target.paused and _rejected(status, target):
        if uninvited := _uninvited(tick):
            return uninvited
        why = status.history[0].message if status.history else ""
        return Decision(tick.say("RolledBack", "RolledBack", wording.rolled_back(tick.stable, why)))
    return _changed(tick)


def _rejected(status: Status, target: Deployment) -> bool:
    """Whether the Deployment holds the version that was rolled back; to restart it makes no other of it."""
    restarted = status.candidate is not None and status.candidate.intent == target.intent
    return status.rejected is not None and (status.rejected == target.identity or restarted)


def _serving(tick: Tick) -> Decision:
    """The Deployment's template is the one that serves."""
    stable, target, held = tick.stable, tick.target, tick.status.held
    if tick.seen.policies and target.paused and held.deployment:
        return _resume(tick)
    if not tick.seen.policies and not target.paused and target.rolled:
        return Decision(tick.status, actions=(_pause(tick, paused=True),))
    if tick.status.phase in ("Succeeded", "Idle") and not held.deployment:
        return Decision(tick.status)
    free = held.model_copy(update={"deployment": False})
    return Decision(tick.say("Idle", "Idle", wording.steady(stable), rejected=None, candidate=None, held=free))


def _changed(tick: Tick) -> Decision:
    """The Deployment's template is not the one known to serve: find out which one is."""
    target = tick.target
    if isinstance(tick.seen.replica_sets, Unknown):
        # What begins a release is looked up together: one after the other would hold up its first weight.
        facts: tuple[Fact, ...] = ("replica_sets", "autoscaler") if target.paused else ("replica_sets",)
        return Decision(tick.status, look=tick.seen.missing(*facts))
    serving = _serving_set(tick, tick.seen.replica_sets)
    if not target.paused:
        if _got_past(tick, tick.seen.replica_sets):
            return Decision(tick.status, actions=(_pause(tick, paused=True),))
        return _rolled_by_itself(tick, serving)
    if serving is None or serving.intent == target.intent:
        return _same_or_restarted(tick, serving)
    if tick.spec.suspend:
        status = tick.say("Paused", "Suspended", wording.suspended())
        return Decision(status.told(held=_hold(tick)))
    if target.replicas == 0:
        return Decision(tick.say("Stalled", "NoStable", wording.no_stable(target.name), held=_hold(tick)))
    return begin(tick.at(tick.status.told(stable=_version(serving))))


def _serving_set(tick: Tick, sets: tuple[ReplicaSet, ...]) -> ReplicaSet | None:
    """The version that serves. That which was promoted last is known to, unless the Deployment rolls by itself."""
    known = tick.status.stable.revision if tick.status.stable and tick.target.paused else ""
    return serving_among(sets, tick.target.uid, known)


def _got_past(tick: Tick, sets: tuple[ReplicaSet, ...]) -> bool:
    """Whether a new template got past the policies, as where an API server has just started, and can still be held.

    That is so while none of its pods is ready, and those of the version that serves are: nothing is taken away.
    """
    known, target = tick.status.stable, tick.target
    if not tick.seen.policies or known is None or known.intent in ("", target.intent):
        return False
    serves = any(item.ready for item in sets if (item.owner, item.identity) == (target.uid, known.template))
    return serves and not any(twin.ready for twin in twins_among(sets, target.uid, target.identity))


def _uninvited(tick: Tick) -> Decision | None:
    """The removal of pods that the Deployment made of a rejected version before it was held."""
    target, sets = tick.target, tick.seen.replica_sets
    if target.updated == 0 or target.observed_generation < target.generation:
        return None
    if isinstance(sets, Unknown):
        return Decision(tick.status, look=tick.seen.missing("replica_sets"))
    twins = _removal(tick, (twin for twin in twins_among(sets, target.uid, target.identity) if twin.replicas))
    return Decision(tick.status, actions=twins) if twins else None


def _removal(tick: Tick, sets: Iterable[ReplicaSet]) -> tuple[Delete, ...]:
    return tuple(Delete(tick.ref("ReplicaSet", item.name), item.uid) for item in sets)


def _rolled_by_itself(tick: Tick, serving: ReplicaSet | None) -> Decision:
    """The Deployment controller is at work: first rollout, a restart, or a template that nothing held back."""
    target, known = tick.target, tick.status.stable
    if serving is None or serving.identity != target.identity or not target.rolled:
        message = wording.rolling_out(target.name, target.available, target.replicas)
        return Decision(tick.say("Progressing", "RollingOut", message))
    version = _version(serving)
    events: tuple[Event, ...] = ()
    if known is not None and known.intent not in ("", serving.intent):
        events = (Event(Reason.BYPASSED, wording.bypassed(target.name)),)
    status = tick.say("Idle", "Idle", wording.steady(version), stable=version, rejected=None)
    return Decision(status, actions=events, again=True)


def _same_or_restarted(tick: Tick, serving: ReplicaSet | None) -> Decision:
    """A paused Deployment whose template serves already, or differs from it by a restart only."""
    if serving is not None and serving.identity == tick.target.identity:
        return Decision(tick.status.told(stable=_version(serving)), again=True)
    return _resume(tick)


def _resume(tick: Tick) -> Decision:
    held = tick.status.held.model_copy(update={"deployment": False})
    return Decision(tick.status.told(held=held), actions=(_pause(tick, paused=None),))


def _pause(tick: Tick, *, paused: bool | None) -> Patch:
    return Patch(tick.ref("Deployment", tick.target.name), "merge", {"spec": {"paused": paused}})


def _hold(tick: Tick) -> Held:
    return tick.status.held.model_copy(update={"deployment": True})


def _version(replica_set: ReplicaSet) -> Version:
    return Version(
        revision=replica_set.revision,
        image=replica_set.images,
        template=replica_set.identity,
        intent=replica_set.intent,
    )


def begin(tick: Tick) -> Decision:
    """The start of a release of the Deployment's present template, from step 1 with weight 0."""
    target, steps, scaler, sets = tick.target, steps_of(tick.spec), tick.seen.autoscaler, tick.seen.replica_sets
    if isinstance(sets, Unknown) or isinstance(scaler, Unknown):
        return Decision(tick.status, look=tick.seen.missing("replica_sets", "autoscaler"))
    candidate = Version(
        revision=revision_of(target.identity, tick.release.uid),
        image=target.images,
        template=target.identity,
        intent=target.intent,
    )
    progress = Progress(
        stage=Stage.STEP,
        since=tick.now,
        started_at=tick.now,
        service=tick.release.service,
        entry=tick.spec.traffic.entry,
        target=target.uid,
    )
    status = tick.say(
        "Progressing",
        "Stepping",
        wording.released(tick.stable, candidate),
        candidate=candidate,
        progress=progress,
        step=StepStatus(index=1, of=len(steps), name=steps[0].title),
        evidence=(),
        summary=Summary(),
        rejected=None,
        held=_held_scaling(_hold(tick), scaler),
    )
    twins = twins_among(sets, target.uid, target.identity)
    # A Deployment that is scaled to 0 and up again would take one of them for its newest ReplicaSet; and pods that it
    # made before it was held must not become ready unjudged.
    idle = _removal(tick, (twin for twin in twins if twin.ready == 0))
    return Decision(status, actions=(*idle, Event(Reason.RELEASED, status.message)), again=True)


def _held_scaling(held: Held, scaler: Autoscaler | Literal["none"]) -> Held:
    """What is held, with the autoscaler that must not shrink an idle stable and the behavior it gets back."""
    if scaler == "none" or scaler.held:
        return held
    behavior = None if scaler.behavior is None else json.dumps(scaler.behavior)
    return held.model_copy(update={"autoscaler": scaler.name, "behavior": behavior})
