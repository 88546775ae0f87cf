"""The conditions Ready, Reconciling and Stalled, as kstatus reads them.

Ready is always there; Reconciling and Stalled are only there while they are true (sigs.k8s.io/cli-utils, kstatus:
abnormal-true conditions). Argo CD's health script reads the same three.
"""

from headgate.api.status import Condition, Phase

_RECONCILING: frozenset[Phase] = frozenset({"Progressing", "Paused", "Promoting", "RollingBack"})
_STALLED: frozenset[Phase] = frozenset({"RolledBack", "Stalled"})


def conditions_of(
    previous: tuple[Condition, ...], phase: Phase, reason: str, message: str, *, generation: int, now: float
) -> tuple[Condition, ...]:
    """The conditions of a phase; a condition that keeps its status keeps the time of its last transition."""
    truths = {
        "Ready": phase not in _RECONCILING | _STALLED,
        "Reconciling": phase in _RECONCILING,
        "Stalled": phase in _STALLED,
    }
    before = {condition.type: condition for condition in previous}
    conditions = []
    for kind, truth in truths.items():
        if not truth and kind != "Ready":
            continue
        status = "True" if truth else "False"
        old = before.get(kind)
        since = old.last_transition_time if old and old.status == status else now
        conditions.append(
            Condition(
                type=kind,
                status=status,
                reason=reason,
                message=message,
                observed_generation=generation,
                last_transition_time=since,
            )
        )
    return tuple(conditions)
