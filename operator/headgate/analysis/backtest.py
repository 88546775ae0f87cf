"""Recorded traffic of stable split at random into a stable and a pretended candidate: releases of nothing new (A/A).

Every rollback of such a release is a false one. Where the series tell several pods (or proxies) apart, the candidate
is a random choice of them, and of one of them a random part of its requests, as the weight asks: errors that come in
bursts stay together. Where there is only one, its requests are split one by one, which breaks bursts up. The
generator's seed is frozen.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random

from headgate.analysis.chance import binomial, seeded, share_interval
from headgate.analysis.dispersion import MARGIN, Baseline, measured
from headgate.analysis.forecast import HOUR, SEED
from headgate.analysis.interval_log import IntervalLog
from headgate.analysis.intervals import Counts, Interval
from headgate.analysis.progress import Said, unheard
from headgate.analysis.samples import Series
from headgate.analysis.walk import Course, Ending, Leg, Walk, walk
from headgate.api.status import Mark

_ACTIVE = 600.0
"""A unit that had a request within this time before a release may be chosen as its candidate."""


@dataclass(frozen=True)
class Recording:
    """What stable did, in equal intervals on one grid, each unit (a pod, a proxy, or the whole) by itself."""

    units: tuple[Mapping[float, Counts], ...]
    """By start of interval."""
    length: float
    """Seconds of one interval."""
    pods: bool
    """The units are pods of stable, so that the dispersion is measured between them, as in a release."""

    @cached_property
    def starts(self) -> tuple[float, ...]:
        """The starts of the intervals that hold samples."""
        return tuple(sorted({start for unit in self.units for start in unit}))

    @cached_property
    def total(self) -> Mapping[float, Counts]:
        """All units together."""
        return {start: sum(self.at(start), Counts()) for start in self.starts}

    def at(self, start: float) -> list[Counts]:
        """The counts of each unit that has any in the interval that starts then."""
        return [unit[start] for unit in self.units if start in unit]

    def between(self, begin: float, end: float) -> Sequence[float]:
        """The starts of the intervals that lie between two moments."""
        return self.starts[bisect_left(self.starts, begin) : bisect_left(self.starts, end - self.length + 1e-6)]

    def baseline(self, at: float) -> Baseline:
        """What a release that begins at a moment would know of stable."""
        return self.baseline_of(self.between(at - HOUR, at - MARGIN))

    def baseline_of(self, past: Sequence[float]) -> Baseline:
        """What stable did in the intervals that start at these moments."""
        return measured([self.total[start] for start in past], [self.at(start) for start in past] if self.pods else [])


def recording_of(groups: Mapping[str, Sequence[Series]], interval: float, *, pods: bool) -> Recording:
    """The recording in the series of stable, grouped by unit. Scrapes that are rarer than checks make it coarser."""
    series = [one for group in groups.values() for one in group]
    begin = min((one.samples[0][0] for one in series), default=0.0) // interval * interval
    marks = (Mark(at=begin, until=begin, weight=0),)
    spacing = IntervalLog(interval, marks).extend(series).spacing
    length = interval * max(1, -int(-(spacing - 0.1 * interval) // interval))
    units = [
        {one.start: one.stable for one in IntervalLog(length, marks).extend(group).intervals}
        for group in groups.values()
    ]
    return Recording(tuple(unit for unit in units if unit), length, pods)


@dataclass
class Pretended:
    """One release of nothing new on a recording, beginning at a moment."""

    recording: Recording
    begin: float
    rng: Random

    def __post_init__(self) -> None:
        recent = self.recording.between(self.begin - _ACTIVE, self.begin)
        units = self.recording.units
        active = [unit for unit in units if any(start in unit and unit[start].requests for start in recent)]
        self._chosen = active or list(units)
        self.rng.shuffle(self._chosen)
        self._others = [unit for unit in units if all(unit is not one for one in self._chosen)]

    def intervals(self, since: float, leg: Leg) -> Iterator[Interval]:
        """The recorded intervals, split at the leg's weight."""
        recording, aligned = self.recording, len(self._chosen) == 1
        for start in recording.starts[bisect_left(recording.starts, self.begin + since - 1e-6) :]:
            candidate, stable = self._split(start, leg.weight / 100.0)
            offset = start - self.begin
            yield Interval(offset, offset + recording.length, stable, candidate, leg.step, leg.weight, aligned)

    def _split(self, start: float, share: float) -> tuple[Counts, Counts]:
        """The candidate's and stable's counts."""
        if share >= 1.0:
            return self.recording.total[start], Counts()
        whole, rest = divmod(share * len(self._chosen), 1.0)
        candidate, stable = [], [unit[start] for unit in self._others if start in unit]
        for place, unit in enumerate(self._chosen):
            counts = unit.get(start, Counts())
            if place == whole:
                part = thinned(self.rng, counts, rest)
                candidate.append(part)
                stable.append(counts - part)
            else:
                (candidate if place < whole else stable).append(counts)
        return sum(candidate, Counts()), sum(stable, Counts())


@dataclass(frozen=True)
class Trial:
    """One release of nothing new, and how it went."""

    begin: float
    walked: Walk

    @property
    def ended(self) -> float:
        """When it was over."""
        return self.begin + self.walked.seconds


@dataclass(frozen=True)
class Backtest:
    """All releases of nothing new on one recording."""

    trials: tuple[Trial, ...]

    @cached_property
    def finished(self) -> tuple[Trial, ...]:
        """Those that came to an end before the recording did."""
        return tuple(trial for trial in self.trials if trial.walked.ending != "Unfinished")

    def count(self, ending: Ending) -> int:
        """How many ended so."""
        return sum(trial.walked.ending == ending for trial in self.finished)

    @property
    def false_share(self) -> tuple[float, float, float]:
        """Share of false rollbacks, and its 95 % interval as if the releases shared no traffic."""
        total = len(self.finished)
        if not total:
            return 0.0, 0.0, 1.0
        return (self.count("RolledBack") / total, *share_interval(self.count("RolledBack"), total))

    def unproven(self, step: int) -> tuple[int, int]:
        """In a step: how many releases reached its end, and how many of them were not proven safe there."""
        stays = [
            stay
            for trial in self.finished
            for stay in trial.walked.stays
            if stay.leg.step == step and stay.leg.ends == "WhenSafe"
        ]
        return len(stays), sum(stay.verdict not in {"Safe", "Bad"} for stay in stays)


def backtest(
    course: Course,
    recording: Recording,
    begins: Sequence[float],
    *,
    seed: int = SEED,
    said: Said = unheard,
) -> Backtest:
    """One release of nothing new from each of these moments on; where nothing is proven, a person lets it go on."""
    trials = []
    for number, begin in enumerate(begins):
        feed = Pretended(recording, begin, seeded(seed, "a/a", number))
        trials.append(Trial(begin, walk(course, feed, recording.baseline(begin), approved=len(course.legs))))
        said(number + 1, len(begins))
    return Backtest(tuple(trials))


def spread(begin: float, end: float, count: int) -> tuple[float, ...]:
    """Moments at equal distances from `begin` on, all before `end`."""
    return tuple(begin + (end - begin) * place / count for place in range(count))


def thinned(rng: Random, counts: Counts, share: float) -> Counts:
    """Each request of a count, kept with probability `share`."""
    if not share:
        return Counts()
    errors, slow = binomial(rng, round(counts.errors), share), binomial(rng, round(counts.slow), share)
    requests = errors + binomial(rng, round(counts.requests - counts.errors), share)
    return Counts(requests, errors, slow + binomial(rng, round(counts.timed - counts.slow), share), slow)
