"""The state machine: (release, observation, now) -> decision, and nothing else.

The same inputs give the same decision, so a crash anywhere is repaired by deciding again. A decision runs through as
many stages as need no write; the first write ends it, and the next tick sees what it did.
"""

from collections.abc import Callable
from dataclasses import replace

from headgate.api.fields import moment
from headgate.api.release import Release
from headgate.release import wording
from headgate.release.answers import answer
from headgate.release.decision import Action, Decision, Event
from headgate.release.observation import Observation
from headgate.release.promotion import adopt, bake, fill, switch
from headgate.release.reasons import Reason
from headgate.release.reporting import reported
from headgate.release.rest import rest
from headgate.release.retreat import go_back, keep, leave, remove
from headgate.release.stage import UNDECIDED, Stage
from headgate.release.stepping import take_steps
from headgate.release.tick import Tick
from headgate.release.tidying import tidy

_STAGES: dict[str, Callable[[Tick], Decision]] = {
    Stage.STEP: take_steps,
    Stage.FILL: fill,
    Stage.SWITCH: switch,
    Stage.BAKE: bake,
    Stage.ADOPT: adopt,
    Stage.RETURN: go_back,
    Stage.KEEP: keep,
    Stage.REMOVE: remove,
    Stage.TIDY: tidy,
}
_MOST_TURNS = 16
"""So many turns are one decision; a release with many steps that take no time goes on in the next."""


def decide(release: Release, seen: Observation, now: float) -> Decision:
    """What to do now about one release. `now` is in seconds since the epoch."""
    if not release.legible:
        return Decision(release.status, actions=(Event(Reason.ILLEGIBLE, wording.illegible(release.problem)),))
    tick = Tick(release, release.status, seen, moment(now))
    events: tuple[Action, ...] = ()
    for _ in range(_MOST_TURNS):
        decision = _turn(tick)
        if decision.look:
            return Decision(release.status, look=decision.look)
        tick = tick.at(decision.status)
        if not decision.again or _writes(decision):
            return replace(decision, status=reported(tick), actions=(*events, *decision.actions))
        events = (*events, *decision.actions)
    return Decision(reported(tick), actions=events, again=True)


def _writes(decision: Decision) -> bool:
    return any(not isinstance(action, Event) for action in (*decision.first, *decision.actions))


def _turn(tick: Tick) -> Decision:
    """One turn: an answer to a person, an end that comes from outside, or the stage's own work."""
    if tick.release.spec is None:
        return Decision(tick.say("Stalled", "InvalidSpec", tick.release.problem))
    if tick.release.request is not None and not _answered(tick):
        return answer(tick)
    if tick.status.progress is None:
        return rest(tick)
    return _interrupted(tick) or _STAGES[tick.progress.stage](tick)


def _answered(tick: Tick) -> bool:
    """Whether this decision has answered the request already: its annotation goes with the writes to come."""
    return tick.status.action is not None and tick.status.action.at == tick.now


def _interrupted(tick: Tick) -> Decision | None:
    """The end of a release by what its surroundings became: deleted, changed back, or overtaken."""
    if tick.progress.stage not in UNDECIDED | {Stage.KEEP}:
        return None
    target, spec = tick.seen.target, tick.spec
    if tick.release.deleting:
        return leave(tick, "Deleted", wording.deleted_while_held(spec.target_ref.name))
    if target is None:
        return leave(tick, "Deleted", wording.target_gone(spec.target_ref.name))
    if tick.uprooted:
        return leave(tick, "Superseded", wording.target_replaced(target.name))
    if target.identity == tick.stable.template or target.intent == tick.stable.intent:
        return leave(tick, "Reverted", wording.reverted(tick.stable))
    if target.identity != tick.candidate.template:
        return leave(tick, "Superseded", wording.superseded(tick.candidate))
    if (tick.progress.service, tick.progress.entry) != (tick.release.service, spec.traffic.entry):
        return leave(tick, "Superseded", wording.traffic_changed())
    return None
