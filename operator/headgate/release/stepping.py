"""The forward half of a release: preparing the candidate, taking the steps, giving it all traffic."""

from typing import Any

from headgate.analysis.verdict import Judgement
from headgate.api.fields import moment
from headgate.api.names import FINALIZER
from headgate.api.status import Status, StepStatus, Weights
from headgate.api.steps import DEFAULT_HOLD_MAX, PlannedStep
from headgate.release import wording
from headgate.release.checks import problem_of
from headgate.release.decision import Action, Apply, Decision, Event, Patch
from headgate.release.reasons import Reason
from headgate.release.retreat import fail
from headgate.release.stage import Stage
from headgate.release.tick import Tick
from headgate.release.traffic import (
    drift,
    enforce,
    held_for,
    settled,
    settles_at,
    strays,
    unserved,
    with_mark,
    with_step_mark,
)
from headgate.routing.naming import candidate_service
from headgate.workloads import candidate
from headgate.workloads.autoscaler import hold_patch
from headgate.workloads.capacity import with_headroom

_MOST_LOSSES = 3
"""A candidate that lost all its endpoints so often within readyWithin crashes again and again."""


def prepare(tick: Tick) -> Decision | None:
    """What must stand before the candidate may get traffic; None when all of it does.

    The order of the writes is what keeps traffic whole: the finalizer first, so that a deletion waits; then the pin,
    since the candidate's pods match the user's Service; only then the candidate.
    """
    missing = (*_finalizer(tick), *_hold(tick), *_made(tick))
    if not missing:
        return None
    held = held_for(tick, tick.route(tick.progress.weight))
    progress = tick.progress if tick.seen.candidate else tick.begun()
    return Decision(tick.status.told(held=held, progress=progress), actions=missing, again=True)


def _finalizer(tick: Tick) -> tuple[Action, ...]:
    if tick.release.finalized:
        return ()
    path = "/metadata/finalizers"
    if tick.release.finalizers:
        return (Patch(tick.this, "json", [{"op": "add", "path": f"{path}/-", "value": FINALIZER}]),)
    # A test for null passes where there is no list: nobody else's finalizer is overwritten.
    body = [{"op": "test", "path": path, "value": None}, {"op": "add", "path": path, "value": [FINALIZER]}]
    return (Patch(tick.this, "json", body),)


def _hold(tick: Tick) -> tuple[Action, ...]:
    """The Deployment paused; before there is a candidate, the autoscaler held and the user's Service pinned too."""
    actions: list[Action] = []
    if not tick.target.paused:
        actions.append(Patch(tick.ref("Deployment", tick.target.name), "merge", {"spec": {"paused": True}}))
    if tick.seen.candidate is not None:
        return tuple(actions)
    if tick.status.held.autoscaler is not None:
        actions.append(Patch(tick.ref("HorizontalPodAutoscaler", tick.status.held.autoscaler), "merge", hold_patch()))
    return (*actions, *enforce(tick, tick.route(0, "stable")))


def _made(tick: Tick) -> tuple[Action, ...]:
    """The candidate's ReplicaSet for the present or the first weight, and its Service, which follows the user's.

    The ReplicaSet comes first, for its pods are what is waited for.
    """
    service, actions = tick.seen.service, list[Action]()
    if tick.seen.candidate is None:
        actions.append(_sized(tick, _pods_for(tick, tick.progress.weight or _first_weight(tick))))
    if service is not None:
        metadata = tick.metadata(candidate_service(tick.service))
        wanted = candidate.service(metadata, dict(service.selector), service.ports, tick.candidate.revision)
        if not any(candidate.is_service(item, wanted) for item in tick.seen.ours):
            actions.append(Apply(wanted))
    return tuple(actions)


def _first_weight(tick: Tick) -> int:
    """The weight that the first step with traffic gives."""
    return next((step.weight for step in tick.steps if step.weight), 100)


def _pods_for(tick: Tick, weight: int) -> int:
    pods = max(1, tick.seen.router.size(weight, tick.target.replicas))
    return with_headroom(pods, tick.spec.capacity.headroom)


def _sized(tick: Tick, pods: int) -> Apply:
    metadata = tick.metadata(tick.candidate_set)
    return Apply(candidate.replica_set(metadata, tick.target, tick.candidate.revision, pods))


def reach(tick: Tick, weight: int) -> Decision | None:
    """What brings the candidate to a weight and keeps it there; None when the weight is in force and settled.

    Invariant 2: a weight rises only while the verdict is not bad and the endpoints suffice.
    """
    applied = tick.progress.weight
    if waiting := unserved(tick, tick.route(weight)):
        return waiting
    if weight < applied:
        return _written(tick, weight, Event(Reason.WEIGHT, wording.lowered(weight, tick.candidate)))
    if weight > applied:
        return _raise(tick, weight)
    writes = enforce(tick, tick.route(applied))
    if writes and not tick.progress.in_force:
        return _raise(tick, applied)  # it was announced, and a crash or an error came before it was written
    if writes:
        return _put_back(tick, writes)
    if not tick.progress.in_force:
        seen = tick.progress.model_copy(update={"in_force": True})
        return Decision(tick.status.told(progress=seen), again=True)
    if applied and (scaled := resized(tick, applied)):
        return scaled
    return None if settled(tick) else _settling(tick)


def _settling(tick: Tick) -> Decision:
    """The wait until every proxy follows the last write."""
    message = tick.pending or wording.settling(tick.progress.weight)
    return Decision(_rising(tick, message), wake_at=settles_at(tick))


def resized(tick: Tick, weight: int) -> Decision | None:
    """The candidate at the size of its weight, after the Deployment was scaled; None when it has it.

    Superfluous pods stay, but where their number makes the share.
    """
    assert tick.seen.candidate is not None  # noqa: S101 (prepare made it)
    present, pods = tick.seen.candidate.replicas, _pods_for(tick, weight)
    if present < pods or (present > pods and tick.seen.router.by_pods and weight < 100):
        return Decision(tick.status, actions=(_sized(tick, pods),), again=True)
    return None


def _raise(tick: Tick, weight: int) -> Decision:
    """Pods first, then their readiness, then the samples that must not speak against it, then the weight."""
    assert tick.seen.candidate is not None  # noqa: S101 (prepare made it)
    needed, pods = tick.seen.router.size(weight, tick.target.replicas), _pods_for(tick, weight)
    if tick.seen.candidate.replicas < pods:
        status = _rising(
            tick,
            wording.waiting_for_pods(tick.candidate, tick.ready, needed, weight),
            progress=tick.begun(),
        )
        return Decision(status, actions=(_sized(tick, pods),), again=True)
    judged = tick.spec.analysis.enabled and not tick.progress.skip
    problem = tick.seen.metrics.problem if judged else ""
    if problem:
        return _blind(tick, problem, tick.progress.since + DEFAULT_HOLD_MAX)
    if tick.ready < needed:
        return _wait_for_pods(tick, weight, needed)
    ready_since = tick.progress.ready_since or tick.now
    steady_at = ready_since + tick.target.min_ready_seconds
    if tick.now < steady_at:
        status = tick.status.told(progress=tick.progress.model_copy(update={"ready_since": ready_since}))
        return Decision(status, wake_at=steady_at)
    step = tick.status.step
    place = f"step {step.index} of {step.of}" if step and tick.progress.stage == Stage.STEP else "promotion"
    note = wording.weighted(weight, tick.candidate, place, tick.ready, needed)
    return _written(tick, weight, Event(Reason.WEIGHT, note))


def _wait_for_pods(tick: Tick, weight: int, needed: int) -> Decision:
    within = tick.spec.capacity.ready_within
    if tick.now >= tick.progress.since + within:
        return fail(tick, Reason.NOT_READY, wording.not_ready(tick.candidate, tick.ready, needed, within))
    message = wording.waiting_for_pods(tick.candidate, tick.ready, needed, weight)
    progress = tick.progress.model_copy(update={"ready_since": None})
    status = _rising(tick, message, progress=progress)
    return Decision(status, wake_at=tick.progress.since + within)


def _rising(tick: Tick, message: str, **changes: Any) -> Status:  # noqa: ANN401 (field values)
    """The status on the way up: in one of the steps, or to all traffic after the last."""
    if tick.progress.stage == Stage.FILL:
        return tick.say("Promoting", "Promoting", message, **changes)
    return tick.say("Progressing", "Stepping", message, **changes)


def _written(tick: Tick, weight: int, event: Event) -> Decision:
    """The status that announces a weight, and the writes that give it; the step's clock starts when it has settled."""
    status, progress = tick.status, with_mark(tick, tick.progress, weight)
    step = status.step.model_copy(update={"started_at": moment(tick.now + tick.settle)}) if status.step else None
    route, share = tick.route(weight), tick.seen.router.share(weight, tick.target.replicas)
    announced = _rising(
        tick,
        event.note,
        progress=progress,
        step=step,
        weights=Weights(stable=100 - share, candidate=share),
        held=held_for(tick, route),
    )
    return Decision(announced, actions=(*enforce(tick, route), event), wake_at=settles_at(tick.at(announced)))


def _lost(tick: Tick) -> Decision:
    """All traffic to stable while the candidate has no endpoint: no route may name a Service that leads nowhere."""
    within = tick.spec.capacity.ready_within
    before = sum(mark.weight == 0 and mark.at > tick.now - within for mark in tick.progress.marks)
    if before + 1 >= _MOST_LOSSES:
        return fail(tick, Reason.LOST_ENDPOINTS, wording.lost_again(tick.candidate, before + 1, within))
    note = wording.lost_endpoints(tick.candidate)
    progress = with_mark(tick, tick.begun(), 0)
    route = tick.route(0)
    status = tick.say(
        "Progressing", "LostEndpoints", note, progress=progress, weights=Weights(), held=held_for(tick, route)
    )
    return Decision(status, first=enforce(tick, route), actions=(Event(Reason.LOST_ENDPOINTS, note),), again=True)


def _put_back(tick: Tick, writes: tuple[Action, ...]) -> Decision:
    """The route as it shall be; where it was taken away and the pods no longer suffice, that waits for them."""
    weight, route = tick.progress.weight, tick.route(tick.progress.weight)
    event, seen = drift(tick, route), tick.seen.router.observe(route, tick.seen.ours)
    if (seen.weight or 0) < weight and tick.ready < tick.seen.router.size(weight, tick.target.replicas):
        waiting = tick.begun(in_force=False)
        return Decision(tick.status.told(progress=waiting), actions=(event,), again=True)
    status = tick.status.told(progress=with_mark(tick, tick.progress, weight))
    return Decision(status, actions=(*writes, event), wake_at=settles_at(tick.at(status)))


def take_steps(tick: Tick) -> Decision:
    """The stage in which the steps of the spec are taken."""
    urgent = endangered(tick) or prepare(tick)
    if urgent is not None:
        return urgent
    if tick.progress.skip:
        return _fill(tick)
    tick, step = _current(tick)
    frozen = _frozen(tick)
    if frozen is not None:
        return reach(tick, tick.progress.weight) or frozen
    if step.weight is None:
        return reach(tick, tick.progress.weight or _lost_weight(tick)) or _pause(tick, step)
    return reach(tick, _wanted(tick, step.weight)) or _hold_weight(tick, step)


def endangered(tick: Tick) -> Decision | None:
    """What may not wait: a candidate with traffic that is bad, or that has no endpoint; surroundings that broke."""
    if tick.progress.weight > 0:
        if not tick.progress.skip and tick.judgement.verdict == "Bad":
            return fail(tick, Reason.BAD, tick.judgement.reason)
        if tick.ready == 0 or tick.seen.candidate is None:
            return _lost(tick)
    problem = problem_of(tick)
    if problem:
        return Decision(tick.say("Stalled", "InvalidSpec", problem), actions=strays(tick))
    if tick.target.replicas == 0:
        return Decision(tick.say("Stalled", "NoStable", wording.no_stable(tick.target.name)))
    return None


def _current(tick: Tick) -> tuple[Tick, PlannedStep]:
    """The step that the status points at, after an edit of the spec the nearest that is left."""
    assert tick.status.step is not None  # noqa: S101 (the stage has a step)
    index = min(tick.status.step.index, len(tick.steps))
    step = tick.steps[index - 1]
    place = {"index": index, "of": len(tick.steps), "name": step.title}
    return tick.at(tick.status.told(step=tick.status.step.model_copy(update=place))), step


def _wanted(tick: Tick, weight: int) -> int:
    """The weight to be had now: an edit of the spec never moves the weight of a step that has begun up by itself."""
    begun = tick.status.step is not None and tick.status.step.started_at is not None
    return min(weight, tick.progress.weight) if begun and tick.progress.weight else weight


def suspended(tick: Tick) -> Decision | None:
    """The wait of a suspended release, unless a person asked to promote it all the same."""
    if tick.spec.suspend and not tick.progress.skip:
        return Decision(tick.say("Paused", "Suspended", wording.suspended()))
    return None


def _lost_weight(tick: Tick) -> int:
    """The weight that a pause goes on with once a candidate that lost its endpoints has some again."""
    index = tick.status.step.index if tick.status.step else 0
    before = next((step.weight for step in reversed(tick.steps[:index]) if step.weight is not None), 0)
    had = next((mark.weight for mark in reversed(tick.progress.marks) if mark.weight), 0)
    return min(before, had)


def _frozen(tick: Tick) -> Decision | None:
    if not tick.progress.frozen or tick.spec.suspend:
        return suspended(tick)
    who = tick.status.action.by if tick.status.action else ""
    return Decision(tick.say("Paused", "PausedByAction", wording.paused_by(who or "an action")))


def _pause(tick: Tick, step: PlannedStep) -> Decision:
    """A pause step: a time, or a person."""
    assert tick.status.step is not None  # noqa: S101 (the stage has a step)
    if tick.status.step.started_at is None:
        return _started(tick)
    if step.approval:
        return _approval(tick, wording.waits_for_approval(tick.release.name, tick.release.namespace))
    until = tick.status.step.started_at + step.shortest
    if tick.now >= until:
        return advance(tick)
    message = wording.held_by(step.title, until - tick.now, tick.judgement.reason)
    return Decision(tick.say("Progressing", "Stepping", message), wake_at=until)


def _started(tick: Tick) -> Decision:
    """A step that needs no new weight begins at once."""
    assert tick.status.step is not None  # noqa: S101 (the stage has a step)
    step = tick.status.step.model_copy(update={"started_at": tick.now})
    return Decision(tick.status.told(step=step, progress=with_step_mark(tick)), again=True)


def _approval(tick: Tick, message: str) -> Decision:
    """Waiting for a person. The approval counts when its annotation is gone, so that none is counted twice."""
    if tick.progress.approved_by is not None and tick.release.request is None:
        return advance(tick)
    return Decision(tick.say("Paused", "WaitingForApproval", message))


def _hold_weight(tick: Tick, step: PlannedStep) -> Decision:
    """The candidate has its weight: wait for time and verdict."""
    assert tick.status.step is not None  # noqa: S101 (the stage has a step)
    if tick.status.step.started_at is None:
        return _started(tick)
    earliest, latest = tick.status.step.started_at + step.shortest, tick.status.step.started_at + step.longest
    judgement = tick.judgement
    if tick.now < earliest:
        message = wording.held_by(step.title, earliest - tick.now, judgement.reason)
        return Decision(tick.say("Progressing", "Stepping", message), wake_at=earliest)
    if tick.progress.weight == 0 or judgement.verdict == "Safe":
        return advance(tick)
    if judgement.verdict == "Unknown":
        return _blind(tick, judgement.reason, latest)
    if judgement.looked and _passes(step, judgement, over=tick.now >= latest):
        return advance(tick)
    if tick.now < latest:
        message = wording.watching(step.title, latest - tick.now, judgement.reason)
        return Decision(tick.say("Progressing", "Stepping", message), wake_at=latest)
    return _inconclusive(tick)


def _passes(step: PlannedStep, judgement: Judgement, *, over: bool) -> bool:
    """Whether a step ends without a proof, nothing speaking against the candidate; `over`: its max has passed."""
    return step.advance == "WhenNotBad" or (step.advance == "WhenLikely" and (judgement.likely or over))


def _blind(tick: Tick, problem: str, latest: float) -> Decision:
    """No verdict can be had: the weight stays; after the step's time that is said aloud. Never a rollback."""
    if tick.now < latest:
        return Decision(tick.say("Progressing", "NoMetrics", wording.blind(problem)), wake_at=latest)
    return Decision(tick.say("Stalled", "NoMetrics", wording.blind_too_long(problem)))


def _inconclusive(tick: Tick) -> Decision:
    """The step's time is over, and the candidate is neither bad nor proven safe."""
    evidence, policy = tick.judgement.reason, tick.spec.analysis.on_inconclusive
    if policy == "Advance":
        return advance(tick)
    if policy == "Rollback":
        return fail(tick, Reason.INCONCLUSIVE, wording.unproven(evidence))
    return _approval(tick, wording.inconclusive(evidence))


def advance(tick: Tick) -> Decision:
    """On to the next step, or to promotion after the last."""
    assert tick.status.step is not None  # noqa: S101 (the stage has a step)
    index = tick.status.step.index + 1
    if index > len(tick.steps):
        return _fill(tick)
    step = StepStatus(index=index, of=len(tick.steps), name=tick.steps[index - 1].title)
    progress = tick.begun(approved_by=None)
    return Decision(tick.status.told(step=step, progress=progress), again=True)


def _fill(tick: Tick) -> Decision:
    message = wording.filling(tick.candidate)
    status = tick.say("Promoting", "Promoting", message, progress=tick.moved(Stage.FILL))
    return Decision(status, again=True)
