"""What a status finally says, and when it is worth a write."""

from headgate.api.status import Progress, Status, Summary
from headgate.release.stage import UNDECIDED, Stage
from headgate.release.tick import Tick

QUIET = 60.0
"""Seconds between two writes of a status in which only numbers and words changed."""

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


def worth_writing(old: Status, new: Status, last_written: float, now: float) -> bool:
    """Whether a status must reach the cluster now: at every transition, else at most once a minute."""
    if old == new:
        return False
    return _major(old) != _major(new) or now - last_written >= QUIET


def _major(status: Status) -> tuple[object, ...]:
    """The parts of a status whose change is a transition."""
    fields = tuple(getattr(status, name) for name in Status.model_fields if name not in _MINOR)
    conditions = tuple((item.type, item.status, item.reason) for item in status.conditions)
    return (*fields, conditions, _memory(status.progress) if status.progress else None)


def _memory(progress: Progress) -> tuple[object, ...]:
    """What a restarted operator must know; the rest it sees again."""
    stage = "ending" if progress.stage in _ENDING else progress.stage
    kept = (getattr(progress, name) for name in Progress.model_fields if name not in _SEEN_AGAIN)
    return (stage, *kept)
