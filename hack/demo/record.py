"""What is seen of a run, one JSON line each: the screen, the table and the picture are made from nothing else."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

from headgate.api.fields import Manifest


@dataclass(frozen=True)
class Requests:
    """What the load generator counted in the second that ended at `at`, answers by "VERSION CODE"."""

    at: float
    sent: int
    lost: int
    answers: dict[str, int]


@dataclass(frozen=True)
class Released:
    """The demo is about to change the Deployment's template; `expected` is the outcome it counts on."""

    at: float
    stable: str
    candidate: str
    told: str
    expected: str


@dataclass(frozen=True)
class State:
    """A status of the CanaryRelease, when its write was seen."""

    at: float
    status: Manifest


@dataclass(frozen=True)
class Route:
    """The weight of the canary Ingress, when its write was seen; None when the Ingress was deleted."""

    at: float
    weight: int | None


@dataclass(frozen=True)
class Note:
    """A Kubernetes Event of the release; `at` is when the operator recorded it."""

    at: float
    reason: str
    note: str
    warning: bool


@dataclass(frozen=True)
class Odds:
    """The operator's own metric: the odds that the candidate is bad."""

    at: float
    odds: float


@dataclass(frozen=True)
class Outcome:
    """The end of the record: what the table says, and whether all was as it should be."""

    at: float
    sent: int
    lost: int
    errors: int
    releases: list[dict[str, str | int | float | None]]
    problems: list[str]


Entry = Requests | Released | State | Route | Note | Odds | Outcome
_KINDS: dict[str, type[Entry]] = {
    kind.__name__: kind for kind in (Requests, Released, State, Route, Note, Odds, Outcome)
}


def write(entry: Entry, file: TextIO) -> None:
    """Add one line."""
    file.write(json.dumps({"kind": type(entry).__name__} | asdict(entry)) + "\n")


def read(path: Path) -> Iterator[Entry]:
    """The entries of a record. FileNotFoundError when there is none."""
    with path.open() as file:
        for line in file:
            values = json.loads(line)
            yield _KINDS[values.pop("kind")](**values)
