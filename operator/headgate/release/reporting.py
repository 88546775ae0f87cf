"""What a status finally says, and when it is worth a write."""

import math

from headgate.api.status import Progress, Status, Summary
from headgate.release.stage import UNDECIDED, Stage
from headgate.release.tick import Tick

QUIET = 60.0
"""Seconds between two writes of a status in which only numbers and words changed."""
BRIEF = 5.0
"""Seconds for which a wait for pods need not be told: the write that ends it tells all."""

_RISING = frozenset({"Progressing", "Promoting"})
_SEEN_AGAIN = frozenset({"stage", "since", "ready_since", "in_force", "adopted"})
_MINOR = frozenset({"evidence", "summary", "message", "conditions", "progress"})
_ENDING = frozenset({Stage.ADOPT, Stage.RETURN, Stage.REMOVE, Stage.TIDY})
"""Stages that follow from their outcome: a restarted operator comes from one to the next again, without a write."""


def reported(tick: Tick) -> Status:
    """The status with the generation it speaks of, the evidence as it stands, and the words for `kubectl get`."""
    judged = tick.status.progress is not None and tick.status.progress.stage in UNDECIDED
    status = tick.with_evidence() if judged else tick.status
    summary = Summary(
        step=f"{status.step.index}/{status.step.of} {status.step.name}" if status.step else "",
        weight=f"{status.weights.stable}/{status.weights.candidate}",
        verdict=status.summary.verdict,
    )
    return status.told(observed_generation=tick.release.generation, summary=summary)


def due(old: Status, new: Status, last_written: float) -> float:
    """By when the cluster must have a status: minus infinity at a transition, infinity where it has it already.

    `old` is the one that it has, written at `last_written`; both moments are in seconds since the epoch.
    """
    if old == new:
        return math.inf
    if _transition(old) == _transition(new):
        return last_written + QUIET
    if new.progress is not None and _waits_for_pods(new, new.progress) and _announced(old) == _announced(new):
        return min(new.progress.since + BRIEF, last_written + QUIET)
    return -math.inf


def _waits_for_pods(status: Status, progress: Progress) -> bool:
    """Whether the next weight waits for its pods, and no traffic moves meanwhile.

    Without a route of its own the pods make the share, so to ask for them is announced like a weight.
    """
    begun = status.step is None or status.step.started_at is not None
    waits = progress.stage == Stage.FILL or (progress.stage == Stage.STEP and not begun)
    return waits and progress.entry is not None


def _transition(status: Status) -> tuple[object, ...]:
    """The parts of a status whose change is a transition."""
    fields = tuple(getattr(status, name) for name in Status.model_fields if name not in _MINOR)
    conditions = tuple((item.type, item.status, item.reason) for item in status.conditions)
    return (*fields, conditions, _memory(status.progress) if status.progress else None)


def _memory(progress: Progress) -> tuple[object, ...]:
    """What a restarted operator must know; the rest it sees again."""
    stage = "ending" if progress.stage in _ENDING else progress.stage
    kept = (getattr(progress, name) for name in Progress.model_fields if name not in _SEEN_AGAIN)
    return (stage, *kept)


def _announced(status: Status) -> tuple[object, ...]:
    """A transition without the parts that a restarted operator decides again while it waits for pods."""
    phase = "rising" if status.phase in _RISING else status.phase
    conditions = tuple(item.model_copy(update={"reason": ""}) for item in status.conditions)
    progress = status.progress and status.progress.model_copy(update={"stage": "", "approved_by": None})
    return _transition(status.told(phase=phase, step=None, conditions=conditions, progress=progress))
