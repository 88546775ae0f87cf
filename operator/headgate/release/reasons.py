"""The reasons of a release's Kubernetes Events: each one said once, with its type, when it is said and what to do then.

docs/reference/events.md is made from this.
"""

from enum import StrEnum
from typing import Literal, Self

EventType = Literal["Normal", "Warning"]

_NOTHING = "Nothing."


class Reason(StrEnum):
    """One reason, in the order in which a release can come to it."""

    type: EventType
    when: str
    then: str

    def __new__(cls, word: str, kind: EventType, when: str, then: str) -> Self:
        """The reason that reads `word`; `when` and `then` are sentences for its reader."""
        reason = str.__new__(cls, word)
        reason._value_ = word
        reason.type, reason.when, reason.then = kind, when, then
        return reason

    RELEASED = (
        "Released",
        "Normal",
        "The pod template changed, and a release of the new one begins.",
        _NOTHING,
    )
    WEIGHT = (
        "Weight",
        "Normal",
        "The candidate gets another share of the traffic.",
        _NOTHING,
    )
    ACTION = (
        "Action",
        "Normal",
        "Someone asked for an action; the note says who, and what was done or why not.",
        "Where it was not done, do what the note says.",
    )
    TRAFFIC_DRIFT = (
        "TrafficDrift",
        "Warning",
        "Someone changed the route made for the release, or the selector of the Service. It is put back.",
        "Find out who writes there: `kubectl get ingress,httproute,service --show-managed-fields -o yaml`.",
    )
    LOST_ENDPOINTS = (
        "LostEndpoints",
        "Warning",
        "No pod of the candidate is ready any more. While steps are taken its traffic goes to stable until it has"
        " ready pods again; at the third time within `spec.capacity.readyWithin`, or once the Service leads to it, the"
        " release is rolled back.",
        "Look at its pods: `kubectl describe pod`, `kubectl logs --previous`.",
    )
    NOT_READY = (
        "NotReady",
        "Warning",
        "The candidate's pods did not become ready within `spec.capacity.readyWithin`. The release is rolled back.",
        "Look at its pods: the image, the readiness probe, room in the cluster; or allow more time.",
    )
    BAD = (
        "Bad",
        "Warning",
        "There is enough evidence against the candidate, or a query is out of its bounds. The release is rolled back.",
        "Nothing for the traffic. `status.evidence` has the numbers, the candidate's logs the cause.",
    )
    INCONCLUSIVE = (
        "Inconclusive",
        "Warning",
        "A step's time is over, nothing is proven, and `spec.analysis.onInconclusive` is `Rollback`.",
        "Give the step more traffic or time, or choose `Hold` or `Advance`.",
    )
    ROLLED_BACK = (
        "RolledBack",
        "Normal",
        "All traffic goes back to stable; the event before says why.",
        "Change the template back, release another one, or set action `retry`.",
    )
    SUPERSEDED = (
        "Superseded",
        "Normal",
        "A newer pod template came, the spec names another Service or way in, or the Deployment was deleted and made"
        " anew. Traffic goes back to stable, then the release starts again from step 1.",
        _NOTHING,
    )
    REVERTING = (
        "Reverting",
        "Normal",
        "The pod template went back to the one that serves while a release moved. Traffic goes back to stable.",
        _NOTHING,
    )
    REVERTED = (
        "Reverted",
        "Normal",
        "That release has ended; nothing of it is left.",
        _NOTHING,
    )
    DELETING = (
        "Deleting",
        "Normal",
        "The CanaryRelease or its Deployment was deleted while a release moved. Traffic goes back to stable first.",
        "A Deployment that is left stays paused: change its template back, or `kubectl rollout resume` it.",
    )
    PODS_REPLACED = (
        "PodsReplaced",
        "Warning",
        "At the end the Deployment took another ReplicaSet with an equal template, so new pods serve instead of the"
        " judged ones.",
        "Nothing: they run the same template. Please report how it came about.",
    )
    PROMOTED = (
        "Promoted",
        "Normal",
        "The candidate is the Deployment's own version now.",
        _NOTHING,
    )
    ILLEGIBLE = (
        "Illegible",
        "Warning",
        "The status of the CanaryRelease cannot be read, as when a later version of Headgate wrote it. The release is"
        " left as it is, with its traffic.",
        "Run the version that wrote it, or a newer one.",
    )
    BYPASSED = (
        "Bypassed",
        "Warning",
        "A new pod template rolled out by itself, since nothing held it back. It was not judged.",
        "See whether the admission policies are installed (the chart's value `admission.enabled`); where there are"
        " none, Headgate must run when a template changes.",
    )
