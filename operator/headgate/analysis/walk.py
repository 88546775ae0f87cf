"""A release walked through its steps on given traffic: which step ends when, and how the release ends.

The rules are those of `headgate.release.stepping` and `headgate.release.promotion`, without pods and routes: a step's
clock starts when its weight has settled; a bad candidate is rolled back at once; a step ends when it has lasted its min
and the candidate is proven safe (or, WhenNotBad, nothing speaks against it); at its max onInconclusive decides. Whoever
is asked in a pause approves at once. A verdict falls at the end of its interval; in a cluster it comes up to one scrape
and one check later.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from headgate.analysis.dispersion import Baseline
from headgate.analysis.intervals import Interval
from headgate.analysis.policy import Policy
from headgate.analysis.running import Running
from headgate.analysis.verdict import Verdict
from headgate.api.spec import Analysis, Spec
from headgate.api.steps import DEFAULT_BAKE, Advance, steps_of

Ending = Literal["Promoted", "RolledBack", "Inconclusive", "Waiting", "Blind", "Unfinished"]
"""Inconclusive: rolled back because nothing was proven. Waiting: a person is asked because nothing was proven. Blind:
no verdict could be had until the step's max. Unfinished: the traffic given ends before the release does."""

PROMOTION = "promotion"


@dataclass(frozen=True)
class Leg:
    """A stretch of the release at one weight: a step, or the promotion after the last one."""

    step: int
    title: str
    weight: int
    shortest: float
    """Seconds it lasts at least, from when its weight has settled."""
    longest: float
    ends: Advance | Literal["Time"]


@dataclass(frozen=True)
class Course:
    """What a spec asks for, as far as time and traffic go."""

    legs: tuple[Leg, ...]
    settle: float
    """Seconds that a change of weight takes to be in force."""
    analysis: Analysis
    policy: Policy


@dataclass(frozen=True)
class Stay:
    """How long the release was in one leg, in seconds since the release began, and its verdict at the end."""

    leg: Leg
    entered: float
    """When its weight was written."""
    began: float
    """When its weight had settled."""
    ended: float
    verdict: Verdict


@dataclass(frozen=True)
class Walk:
    """How a release went."""

    ending: Ending
    stays: tuple[Stay, ...]
    reason: str = ""
    """Of a rollback: the judgement's own sentence."""

    @property
    def seconds(self) -> float:
        """From the first weight to the end."""
        return self.stays[-1].ended if self.stays else 0.0


class Feed(Protocol):
    """The traffic that a release is walked on."""

    def intervals(self, since: float, leg: Leg) -> Iterator[Interval]:
        """The intervals at a leg's weight from a moment on (seconds since the release began), one after another.

        Ends where no more traffic is known.
        """


def course_of(spec: Spec, settle: float, policy: Policy = Policy()) -> Course:  # noqa: B008 (a frozen value)
    """The course of a spec's steps; `settle` is used where the spec sets none."""
    settle = settle if spec.traffic.settle is None else spec.traffic.settle
    legs, weight = list[Leg](), 0
    for index, step in enumerate(steps_of(spec), 1):
        judged = bool(step.weight)
        weight = weight if step.weight is None else step.weight
        legs.append(Leg(index, step.title, weight, step.shortest, step.longest, step.advance if judged else "Time"))
    bake = max(DEFAULT_BAKE if spec.bake is None else spec.bake, settle)
    legs.append(Leg(len(legs), PROMOTION, 100, settle + bake, settle + bake, "Time"))
    return Course(tuple(legs), settle, spec.analysis, policy)


def walk(course: Course, feed: Feed, baseline: Baseline, *, approved: int = 0) -> Walk:
    """The release on this traffic; in the first `approved` legs a person approves where nothing was proven."""
    running, stays, now, weight = Running(course.analysis, baseline, course.policy), list[Stay](), 0.0, 0
    for place, leg in enumerate(course.legs):
        began = now + (course.settle if leg.weight != weight else 0.0)
        weight = leg.weight
        running.enter(leg.step, weight)
        stay, ending = _stay(running, feed, leg, (now, began), course.analysis)
        stays.append(stay)
        if ending == "Waiting" and place < approved:
            ending = None
        if ending is not None:
            reason = running.judgement.reason if ending == "RolledBack" else ""
            return Walk(ending, tuple(stays), reason)
        now = stay.ended
    return Walk("Promoted", tuple(stays))


def _stay(
    running: Running, feed: Feed, leg: Leg, span: tuple[float, float], analysis: Analysis
) -> tuple[Stay, Ending | None]:
    """One leg, and the ending of the release if it ends here."""
    entered, began = span
    earliest, latest, verdict = began + leg.shortest, began + leg.longest, running.verdict

    def left(ended: float, ending: Ending | None = None) -> tuple[Stay, Ending | None]:
        return Stay(leg, entered, began, ended, verdict), ending

    if not analysis.enabled or not leg.weight:
        return left(earliest)
    for interval in feed.intervals(began, leg):
        # What falls due before the next interval is complete is decided by what is known so far.
        if interval.end > earliest and _goes_on(leg, running, verdict):
            return left(earliest)
        if interval.end > latest:
            return left(latest, _at_last(leg, running, analysis))
        running.add(interval)
        verdict = running.verdict
        if verdict == "Bad":
            return left(interval.end, "RolledBack")
        if interval.end >= earliest and _goes_on(leg, running, verdict):
            return left(interval.end)
    return left(began, "Unfinished")


def _goes_on(leg: Leg, running: Running, verdict: Verdict) -> bool:
    """Whether a leg that has lasted its min ends."""
    if leg.ends == "Time" or verdict == "Safe":
        return True
    if verdict == "Unknown" or not running.looked:
        return False
    return leg.ends == "WhenNotBad" or (leg.ends == "WhenLikely" and running.likely)


def _at_last(leg: Leg, running: Running, analysis: Analysis) -> Ending | None:
    """How the release ends at a leg's max; None when it goes on."""
    if leg.ends == "Time":
        return None
    if running.verdict == "Unknown":
        return "Blind"
    if leg.ends != "WhenSafe" and running.looked:
        return None
    endings: dict[str, Ending | None] = {"Advance": None, "Rollback": "Inconclusive", "Hold": "Waiting"}
    return endings[analysis.on_inconclusive]
