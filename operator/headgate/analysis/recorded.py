"""Releases found in recorded series of a candidate: when each weight was in force, and the verdict at each check."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from headgate.analysis.dispersion import Baseline, baseline_of
from headgate.analysis.interval_log import IntervalLog
from headgate.analysis.intervals import Interval
from headgate.analysis.running import Running
from headgate.analysis.samples import Series
from headgate.analysis.verdict import Judgement
from headgate.analysis.walk import Course, Leg
from headgate.api.status import Mark

_APART = 300.0
"""A candidate without a request for so long was another release."""
_CHANGE = 6.0
"""A change of weight must explain the counts better by this, in natural logarithms of the likelihood."""
_ALMOST_ALL = 0.999
_MOST_JUDGED = 200


@dataclass(frozen=True)
class Check:
    """The verdict after one interval of a recorded release."""

    interval: Interval
    judgement: Judgement
    requests: float
    """Candidate requests so far."""


@dataclass(frozen=True)
class Episode:
    """One recorded release."""

    marks: tuple[Mark, ...]
    end: float
    """When its candidate had its last request."""
    baseline: Baseline
    checks: tuple[Check, ...]

    @property
    def begin(self) -> float:
        """When its candidate had its first request."""
        return self.marks[0].at

    @property
    def found(self) -> Check | None:
        """The check at which the policy would have rolled it back."""
        return next((check for check in self.checks if check.judgement.verdict == "Bad"), None)

    @property
    def exposed(self) -> float:
        """Candidate requests up to the check at which it would have been rolled back, else all."""
        last = self.found or (self.checks[-1] if self.checks else None)
        return last.requests if last else 0.0


def episodes(
    series: Sequence[Series], course: Course, begin: float, end: float, marks: Sequence[Mark] = ()
) -> Iterator[Episode]:
    """The releases whose candidates had traffic between two moments.

    `marks` are those of a release that is known; of others the weights are read from the traffic itself.
    """
    if not any(one.arm == "candidate" for one in series):
        return
    interval = course.analysis.interval
    first = min(one.samples[0][0] for one in series if one.samples)
    whole = IntervalLog(interval, (Mark(at=first, until=first, weight=1),)).extend(series).intervals
    serving = [one for one in whole if one.candidate.requests and begin <= one.start <= end]
    for cells in _apart(serving):
        if marks and marks[0].at <= cells[0].end and cells[0].start <= marks[-1].until + _APART:
            yield _episode(series, course, tuple(marks), cells[-1].end)
        else:
            yield _episode(series, course, inferred(cells, course), cells[-1].end)


def inferred(cells: Sequence[Interval], course: Course) -> tuple[Mark, ...]:
    """When which weight of the course was in force: the most likely rising sequence (Viterbi 1967).

    The comparison holds for any split of the traffic, so a mark that is off by a check does no harm to a verdict.
    """
    legs = _levels(course)
    scores = [0.0 if not place else -_CHANGE * place for place in range(len(legs))]
    origins: list[list[int]] = []
    for cell in cells:
        best, origin, row = -math.inf, 0, list[float]()
        came = list[int]()
        for place, leg in enumerate(legs):
            if scores[place] >= best - _CHANGE:
                best, origin = scores[place], place
            else:
                best -= _CHANGE
            came.append(origin)
            row.append(best + _likelihood(cell, leg))
        scores = row
        origins.append(came)
    path = [max(range(len(legs)), key=lambda place: scores[place])]
    for came in reversed(origins[1:]):
        path.append(came[path[-1]])
    path.reverse()
    changes = [0, *(place for place, (before, now) in enumerate(pairwise(path), 1) if before != now)]
    return tuple(_mark(cells[place].start, legs[path[place]], course.settle) for place in changes)


def _mark(at: float, leg: Leg, settle: float) -> Mark:
    return Mark(at=at, until=at + settle, weight=leg.weight, step=leg.step)


def _levels(course: Course) -> list[Leg]:
    """The first leg of each weight."""
    legs: list[Leg] = []
    for leg in course.legs:
        if leg.weight and (not legs or leg.weight > legs[-1].weight):
            legs.append(leg)
    return legs


def _likelihood(cell: Interval, leg: Leg) -> float:
    """The log likelihood of how the requests of a cell were split."""
    share = min(leg.weight / 100.0, _ALMOST_ALL)
    return cell.candidate.requests * math.log(share) + cell.stable.requests * math.log1p(-share)


def _apart(cells: Sequence[Interval]) -> Iterator[list[Interval]]:
    """The cells of each release."""
    group: list[Interval] = []
    for cell in cells:
        if group and cell.start - group[-1].end > _APART:
            yield group
            group = []
        group.append(cell)
    if group:
        yield group


def _episode(series: Sequence[Series], course: Course, marks: tuple[Mark, ...], end: float) -> Episode:
    interval, since = course.analysis.interval, marks[0].at
    baseline = baseline_of(series, since=since, interval=interval)
    log = IntervalLog(interval, marks).extend(series)
    within = [one for one in log.intervals if one.start < end]
    return Episode(marks, end, baseline, tuple(_checks(within, course, baseline)))


def _checks(intervals: Sequence[Interval], course: Course, baseline: Baseline) -> Iterator[Check]:
    """The judgement at each check; of a very long release at every few, and wherever the verdict changes."""
    running = Running(course.analysis, baseline, course.policy)
    stride, requests, before = math.ceil(len(intervals) / _MOST_JUDGED), 0.0, ("", 0)
    for number, interval in enumerate(intervals, 1):
        running.enter(interval.step, interval.weight)
        running.add(interval)
        requests += interval.candidate.requests
        now = running.verdict, interval.step
        if number % stride == 0 or now != before or number == len(intervals):
            yield Check(interval, running.judgement, requests)
        before = now


def title_at(course: Course, interval: Interval) -> str:
    """What the leg that an interval belongs to is called."""
    place = interval.step, interval.weight
    return next((leg.title for leg in course.legs if (leg.step, leg.weight) == place), f"weight {interval.weight}")
