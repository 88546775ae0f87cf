"""What is to be done: the values that `decide` returns and the shell carries out in order."""

from dataclasses import dataclass, field
from typing import Any, Literal

from headgate.api.fields import Manifest
from headgate.api.status import Status
from headgate.release.reasons import Reason


@dataclass(frozen=True)
class Ref:
    """One object in the cluster."""

    api_version: str
    kind: str
    namespace: str
    name: str


@dataclass(frozen=True)
class Apply:
    """Server-side apply of a whole object of ours, forced, under our field manager."""

    manifest: Manifest


@dataclass(frozen=True)
class Patch:
    """A patch of an object: `merge` with a mapping, `json` with a list of operations.

    A JSON patch whose `test` fails, and a patch of an object that is gone, is no error: the next tick sees why.
    """

    ref: Ref
    form: Literal["merge", "json"]
    body: Any
    subresource: str = ""


@dataclass(frozen=True)
class Delete:
    """Deletion of an object of ours; `uid` guards against a namesake. Gone already is success."""

    ref: Ref
    uid: str = ""


@dataclass(frozen=True)
class Event:
    """A Kubernetes Event about the release."""

    reason: Reason
    note: str


Action = Apply | Patch | Delete | Event

Fact = Literal["replica_sets", "stable_endpoints", "autoscaler"]
"""What the shell looks up only when a decision asks for it."""


@dataclass(frozen=True)
class Decision:
    """What to do now.

    The order is `first`, then the status, then `actions`: what takes traffic away may not wait for a status write, what
    moves traffic forward is announced first, so that after a crash the status tells what was meant. `look` names facts
    without which nothing can be decided: fetch them and decide again. `again` asks for another tick right after.
    """

    status: Status
    first: tuple[Action, ...] = ()
    actions: tuple[Action, ...] = ()
    look: frozenset[Fact] = field(default_factory=frozenset)
    again: bool = False
    wake_at: float | None = None
