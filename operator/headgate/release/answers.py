"""Answers to the actions that people ask for by annotation."""

from collections.abc import Callable

from headgate.api.names import ACTION_ANNOTATION, ACTOR_ANNOTATION
from headgate.api.release import Request
from headgate.api.status import Action as Answered
from headgate.api.status import Status, StepStatus, Summary
from headgate.release.decision import Decision, Event, Patch
from headgate.release.reasons import Reason
from headgate.release.retreat import leave
from headgate.release.stage import UNDECIDED, Stage
from headgate.release.tick import Tick

_NOTHING_MOVES = "no release is under way"


def answer(tick: Tick) -> Decision:
    """What an action does, who asked for it, and the removal of its annotation."""
    assert tick.release.request is not None  # noqa: S101 (called for a request only)
    name, by = tick.release.request.name, tick.release.request.by or "someone"
    if name == "abort" and _moving(tick) in UNDECIDED:
        return _abort(tick, by)
    respond = _ANSWERS.get(name, _unknown)
    status, note = respond(tick, by)
    return _answered(tick, Decision(status, again=True), note)


def _answered(tick: Tick, decision: Decision, note: str) -> Decision:
    """The decision, with the answer in its status and as an event, and with the annotation taken away."""
    assert tick.release.request is not None  # noqa: S101 (called for a request only)
    name, by = tick.release.request.name[:253], tick.release.request.by
    answered = decision.status.told(action=Answered(name=name, by=by, answer=note, at=tick.now))
    event = Event(Reason.ACTION, f"{name} by {by or 'someone'}: {note}"[:1000])
    actions = (*decision.actions, Patch(tick.this, "json", _removal(tick.release.request)), event)
    return Decision(answered, first=decision.first, actions=actions, again=True)


def _removal(request: Request) -> list[dict[str, str]]:
    """The JSON patch that takes a request away, unless its annotation asks for something else by now."""
    path = "/metadata/annotations/"
    action, actor = (path + name.replace("/", "~1") for name in (ACTION_ANNOTATION, ACTOR_ANNOTATION))
    whole = [{"op": "test", "path": action, "value": request.name}, {"op": "remove", "path": action}]
    return [*whole, {"op": "remove", "path": actor}] if request.by else whole


def _moving(tick: Tick) -> str:
    return tick.status.progress.stage if tick.status.progress else ""


def _abort(tick: Tick, by: str) -> Decision:
    decision = leave(tick, "RolledBack", f"aborted by {by}")
    left = decision.status.progress is not None and decision.status.progress.outcome is not None
    return _answered(tick, decision, "traffic goes back to stable") if left else decision


def _nothing_to_abort(tick: Tick, by: str) -> tuple[Status, str]:  # noqa: ARG001 (one shape for all answers)
    stage = _moving(tick)
    if stage == Stage.KEEP:
        return tick.status.told(progress=tick.moved(Stage.REMOVE)), "the candidate's pods are removed"
    if stage == Stage.ADOPT or (stage == Stage.TIDY and tick.progress.outcome == "Promoted"):
        return tick.status, "too late: the Deployment has the new version. Change its template back to return"
    return tick.status, "traffic is on its way back already" if stage else _NOTHING_MOVES


def _promote(tick: Tick, by: str) -> tuple[Status, str]:  # noqa: ARG001 (one shape for all answers)
    if _moving(tick) == Stage.STEP:
        progress = tick.progress.model_copy(update={"skip": True, "frozen": False})
        return tick.status.told(progress=progress), "the remaining steps and the analysis are skipped"
    if tick.status.rejected is not None or _moving(tick) == Stage.KEEP:
        return tick.status, "the candidate was rejected and gets no traffic: set action retry first"
    return tick.status, "it is being promoted already" if _moving(tick) else _NOTHING_MOVES


def _approve(tick: Tick, by: str) -> tuple[Status, str]:
    if _moving(tick) == Stage.STEP and _waits_for_approval(tick):
        return tick.status.told(progress=tick.progress.model_copy(update={"approved_by": by})), "approved"
    return tick.status, "nothing waits for an approval"


def _waits_for_approval(tick: Tick) -> bool:
    """Whether an approval counts: where it is waited for, and in a pause for approval while its route is put back."""
    if any(condition.reason == "WaitingForApproval" for condition in tick.status.conditions):
        return True
    begun = tick.status.step
    if begun is None or begun.started_at is None or tick.progress.frozen:
        return False
    return tick.steps[min(begun.index, len(tick.steps)) - 1].approval


def _pause(tick: Tick, by: str) -> tuple[Status, str]:
    if _moving(tick) == Stage.STEP:
        return tick.status.told(progress=tick.progress.model_copy(update={"frozen": True})), f"paused by {by}"
    return tick.status, "only steps can be paused" if _moving(tick) else _NOTHING_MOVES


def _resume(tick: Tick, by: str) -> tuple[Status, str]:
    if _moving(tick) == Stage.STEP and tick.progress.frozen:
        return tick.status.told(progress=tick.progress.model_copy(update={"frozen": False})), f"resumed by {by}"
    return tick.status, "nothing is paused by an action"


def _retry(tick: Tick, by: str) -> tuple[Status, str]:  # noqa: ARG001 (one shape for all answers)
    if _moving(tick) == Stage.KEEP:
        progress = tick.moved(Stage.STEP, started_at=tick.now, marks=(), routed_at=None, outcome=None, reason="")
        step = StepStatus(index=1, of=len(tick.steps), name=tick.steps[0].title)
        again = tick.status.told(progress=progress, step=step, evidence=(), summary=Summary())
        return again, "the release starts again from step 1"
    if tick.status.progress is None and tick.status.rejected is not None:
        return tick.status.told(rejected=None), "the release starts again from step 1"
    return tick.status, "there is no failed release to retry"


def _unknown(tick: Tick, by: str) -> tuple[Status, str]:  # noqa: ARG001 (one shape for all answers)
    return tick.status, f"unknown action: use one of {', '.join(ACTIONS)}"


_ANSWERS: dict[str, Callable[[Tick, str], tuple[Status, str]]] = {
    "abort": _nothing_to_abort,
    "approve": _approve,
    "pause": _pause,
    "promote": _promote,
    "resume": _resume,
    "retry": _retry,
}

ACTIONS = tuple(sorted(_ANSWERS))
"""What can be asked for."""
