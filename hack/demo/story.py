"""The run so far, folded from its record: what each release did, and who answered the requests. Pure."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from demo import shop
from demo.record import Entry, Note, Odds, Outcome, Released, Requests, Route, State
from headgate.api.status import Status
from headgate.release.stage import SWITCHED

Mark = Literal["done", "now", "next", "failed"]
_STEPS = tuple(f"weight {weight}" for weight in shop.WEIGHTS)
_ENDING = ("all traffic", "bake", "promoted")
_STAGES = {"Fill": 0, "Switch": 0, "Bake": 1, "Adopt": 2, "Tidy": 2}
_SERVER_ERROR = "5"


class Weight(NamedTuple):
    """The candidate's share of the traffic from `at` on, in percent."""

    at: float
    weight: int


@dataclass
class Act:
    """One release of the run."""

    released: Released
    weights: list[Weight] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    status: Status = field(default_factory=Status)
    odds: float | None = None
    judged_at: float | None = None
    """When the verdict that decided was there: Bad, or Safe in the last step."""
    verdict: str = ""
    ended_at: float | None = None
    outcome: str = ""
    _last_step: int = 0

    @property
    def candidate(self) -> str:
        return self.released.candidate

    @property
    def weight(self) -> int:
        return self.weights[-1].weight if self.weights else 0

    @property
    def back_at(self) -> float | None:
        """When the weight was 0 again after a bad verdict."""
        if self.judged_at is None or self.verdict == "Safe":
            return None
        # The route is written ahead of the status that tells of the verdict.
        return next((at for at, weight in self.weights if at >= self.judged_at and weight == 0), None)

    def marked_steps(self) -> list[tuple[str, Mark]]:
        """Every step from the first weight to the promotion, with where the release stands."""
        names = [*_STEPS, *_ENDING]
        if self.outcome == "Promoted":
            return [(name, "done") for name in names]
        position = self._position()
        present: Mark = "failed" if self.verdict in {"Bad", "Failed"} else "now"
        before: list[Mark] = ["done"] * position
        after: list[Mark] = ["next"] * (len(names) - position - 1)
        return list(zip(names, [*before, present, *after], strict=True))

    def _position(self) -> int:
        """The index of the present step; that of the last one when the release was judged bad."""
        progress, step = self.status.progress, self.status.step
        if progress is not None and progress.stage in _STAGES and progress.outcome in {None, "Promoted"}:
            return len(_STEPS) + _STAGES[progress.stage]
        return step.index - 1 if step is not None else self._last_step

    def see(self, at: float, status: Status) -> None:
        """Take a newer status of this release."""
        progress = status.progress
        if status.step is not None:
            self._last_step = status.step.index - 1
        if progress is not None and progress.stage == "Fill" and not self.verdict:
            self.judged_at, self.verdict = progress.since, "Safe"
        if progress is not None and progress.outcome == "RolledBack" and self.verdict in {"", "Safe"}:
            found = any(item.verdict == "Bad" for item in status.evidence)
            self.judged_at, self.verdict = progress.since, "Bad" if found else "Failed"
        self.status = status
        last = status.history[0] if status.history else None
        if progress is None and last is not None and last.started_at >= self.released.at:
            self.ended_at, self.outcome = at, last.outcome


class Answers(NamedTuple):
    """How many answers a version gave, and how many of them were errors."""

    all: int
    errors: int


def answers_of(seconds: Iterable[Requests], version: str | None = None) -> Answers:
    """The answers in these seconds of one version, or of all."""
    total = errors = 0
    for second in seconds:
        for name, count in second.answers.items():
            answered, _, code = name.partition(" ")
            if version in {None, answered}:
                total += count
                errors += count if code.startswith(_SERVER_ERROR) else 0
    return Answers(total, errors)


@dataclass
class Story:
    """The run so far. `add` takes the entries of the record in their order."""

    seconds: list[Requests] = field(default_factory=list)
    acts: list[Act] = field(default_factory=list)
    status: Status = field(default_factory=Status)
    outcome: Outcome | None = None
    began: float | None = None
    said_at: float = 0.0
    """When the status was last written."""
    _ingress: int | None = None

    @property
    def act(self) -> Act | None:
        """The present release, or the last one."""
        return self.acts[-1] if self.acts else None

    @property
    def sent(self) -> int:
        return sum(second.sent for second in self.seconds)

    @property
    def lost(self) -> int:
        return sum(second.lost for second in self.seconds)

    def add(self, entry: Entry) -> None:
        """Take the next entry."""
        self.began = self.began or entry.at
        match entry:
            case Requests():
                self.seconds.append(entry)
            case Released():
                self.acts.append(Act(entry))
            case Outcome():
                self.outcome = entry
            case Route():
                self._ingress = entry.weight
            case State():
                self.status, self.said_at = Status.model_validate(entry.status), entry.at
                if self.act is not None and self.act.ended_at is None:
                    self.act.see(entry.at, self.status)
            case Note() if self.act is not None:
                self.act.notes.append(entry)
            case Odds() if self.act is not None and self.act.judged_at is None:
                self.act.odds = entry.odds
        self._weigh(entry.at)

    def _weigh(self, at: float) -> None:
        """Note the candidate's share when it has changed: by its Ingress, or by the Service that was switched to it."""
        if self.act is None:
            return
        progress = self.status.progress
        switched = progress is not None and progress.stage in SWITCHED
        weight = self._ingress if self._ingress is not None else 100 if switched else 0
        if weight != self.act.weight and (self.act.ended_at is None or weight == 0):
            self.act.weights.append(Weight(at, weight))

    def between(self, since: float, until: float = math.inf) -> list[Requests]:
        """The seconds that ended after `since`, and not after `until`."""
        return [second for second in self.seconds if since < second.at <= until]

    def versions(self) -> list[str]:
        """The version that served first, and those released since, in their order."""
        return [shop.FIRST.name, *(act.candidate for act in self.acts)]
