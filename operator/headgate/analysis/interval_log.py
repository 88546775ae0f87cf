"""The fold from raw cumulative series to intervals in which both versions were counted over the same time.

Why raw counters: `rate()` and `increase()` lose the first value of a new series, and a candidate's error series are
always new. A delta is v - previous; v after a reset (v < previous, the counter's process restarted); v for a series
that was born while scraping went on.

Why the log is a fold: folding batch by batch gives the same intervals, bit for bit, as folding all samples at once, so
that after a restart the log is read again from Prometheus and nothing of it is stored in the cluster.
"""

import math
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import NamedTuple, Self

from headgate.analysis.intervals import Counts, Interval
from headgate.analysis.samples import Arm, Kind, Series
from headgate.api.status import Mark

_COLUMNS: dict[tuple[Arm, Kind], int] = {
    ("stable", "served"): 3,
    ("stable", "failed"): 4,
    ("stable", "timed"): 5,
    ("stable", "fast"): 6,
    ("candidate", "served"): 7,
    ("candidate", "failed"): 8,
    ("candidate", "timed"): 9,
    ("candidate", "fast"): 10,
}
_TAINTED, _STABLE_AT, _CANDIDATE_AT, _WIDTH = 0, 1, 2, 11
_PATIENCE = 4
"""How many checks an interval waits for the samples of the other version."""
_GAP = 2.5
"""A delta over more than this many times the last spacing of its series spans a scrape gap."""
_SILENCE, _LONGEST_SPACING = 4, 75.0
"""Another replica takes over when the first was silent for this many spacings."""

_Key = tuple[str, Arm, Kind]


class _Head(NamedTuple):
    """Where the fold of one series stands."""

    at: float
    value: int
    spacing: float
    """Seconds between its last two samples, 0 when there was only one."""
    replica: str


class _Delta(NamedTuple):
    """What a series counted from `since` to `at`; `gap` tells that scrapes are missing in between."""

    since: float
    at: float
    grown: int
    gap: bool


@dataclass(frozen=True, slots=True)
class IntervalLog:
    """All intervals of one release so far, as a value.

    `interval` is the length of a check in seconds; `marks` say when the traffic changed. A delta counts only if it lies
    between two changes, and an interval that holds part of a change is dropped whole, for both versions.
    About 90 bytes an interval and 300 bytes a series.
    """

    interval: float
    marks: tuple[Mark, ...] = ()
    first: float = math.inf
    newest: float = -math.inf
    """Moments of the first and the newest sample seen."""
    _heads: Mapping[_Key, _Head] = field(default_factory=dict)
    _cells: "array[int]" = field(default_factory=lambda: array("q"))
    """Sorted names of the grid's cells that hold samples: mark << 32 | position."""
    _rows: "array[float]" = field(default_factory=lambda: array("d"))
    """For each cell: tainted, newest sample of either version, then counts in the order of _COLUMNS."""

    def marked(self, marks: Iterable[Mark]) -> Self | None:
        """The log with later marks added; None when one cuts what is folded already: begin a new log then."""
        known = self.marks[-1].at if self.marks else -math.inf
        later = tuple(mark for mark in marks if mark.at > known)
        if later and later[0].at < self.newest:
            return None
        return replace(self, marks=self.marks + later)

    def extend(self, series: Iterable[Series]) -> Self:
        """The log with further samples. Those that are older than what is known of their series are passed over."""
        groups = _by_counter(series)
        moments = [at for samples in groups.values() for at, _, _ in samples]
        first = min([self.first, *moments])
        heads, cells, rows = dict(self._heads), array("q", self._cells), array("d", self._rows)
        for key, samples in groups.items():
            deltas: list[_Delta] = []
            head = _follow(heads.get(key), samples, deltas, settled=first + 2 * self.interval, unit=self.interval)
            if head is not None:
                heads[key] = head
            for delta in deltas:
                self._count(cells, rows, key, delta)
        newest = max([self.newest, *moments])
        return replace(self, first=first, newest=newest, _heads=heads, _cells=cells, _rows=rows)

    @property
    def spacing(self) -> float:
        """The usual time between two scrapes, in seconds; 0 while no series has two samples."""
        known = sorted(head.spacing for head in self._heads.values() if head.spacing)
        return known[len(known) // 2] if known else 0.0

    @property
    def seen(self) -> frozenset[tuple[Arm, Kind]]:
        """Of which versions and kinds there are series."""
        return frozenset((arm, kind) for _, arm, kind in self._heads)

    @property
    def intervals(self) -> tuple[Interval, ...]:
        """The intervals that are complete, oldest first.

        A cell that has samples of one version only, while the other is being scraped too, is joined with the next ones:
        scrapes may be rarer than checks, and out of step with each other.
        """
        done: list[Interval] = []
        seen = [-math.inf, -math.inf]
        group: _Group | None = None
        for cell in self._complete():
            if group is not None and group.mark is not cell.mark:
                group.close(done, seen)
                group = None
            group = cell if group is None else group.joined(cell)
            if group.closed(seen, self.interval * _PATIENCE):
                group.close(done, seen)
                group = None
        if group is not None and group.mark is not self.marks[-1]:
            group.close(done, seen)
        return tuple(done)

    def _count(self, cells: "array[int]", rows: "array[float]", key: _Key, delta: _Delta) -> None:
        """Adds a delta to the cell of the grid that its moment falls into."""
        _, arm, kind = key
        index = bisect_left(self.marks, delta.at, key=lambda mark: mark.at) - 1
        if index < 0 or delta.at <= self.marks[index].until:
            return
        begin = self.marks[index].until
        row = _row_of(cells, rows, index << 32 | (math.ceil((delta.at - begin) / self.interval) - 1))
        if delta.gap or delta.since < begin:
            rows[row + _TAINTED] = 1.0
        moment = row + (_STABLE_AT if arm == "stable" else _CANDIDATE_AT)
        rows[moment] = max(rows[moment], delta.at)
        rows[row + _COLUMNS[arm, kind]] += delta.grown

    def _complete(self) -> "Iterator[_Group]":
        """The cells that no further sample is expected in."""
        for place, cell in enumerate(self._cells):
            index, position = cell >> 32, cell & 0xFFFFFFFF
            mark = self.marks[index]
            start = mark.until + position * self.interval
            end = start + self.interval
            if index + 1 < len(self.marks):
                end = min(end, self.marks[index + 1].at)
            if end < self.newest:
                yield _Group(mark, start, end, list(self._rows[place * _WIDTH : (place + 1) * _WIDTH]))


@dataclass
class _Group:
    """Cells of one mark that are counted as one interval."""

    mark: Mark
    start: float
    end: float
    row: list[float]

    def joined(self, other: "_Group") -> "_Group":
        row = [mine + theirs for mine, theirs in zip(self.row, other.row, strict=True)]
        row[:3] = [max(mine, theirs) for mine, theirs in zip(self.row[:3], other.row[:3], strict=True)]
        return _Group(self.mark, self.start, other.end, row)

    def closed(self, seen: list[float], patience: float) -> bool:
        """Whether every version that is being scraped has been sampled, or has been waited for long enough."""
        if self.end - self.start >= patience:
            return True
        sampled = self.row[_STABLE_AT], self.row[_CANDIDATE_AT]
        return all(now or before < self.start - patience for now, before in zip(sampled, seen, strict=True))

    def close(self, done: list[Interval], seen: list[float]) -> None:
        """Hands the interval over, unless it is tainted."""
        seen[:] = [max(now, before) for now, before in zip(self.row[_STABLE_AT : _CANDIDATE_AT + 1], seen, strict=True)]
        if not self.row[_TAINTED]:
            stable, candidate = self._versions()
            aligned = self.row[_STABLE_AT] == self.row[_CANDIDATE_AT]
            done.append(Interval(self.start, self.end, stable, candidate, self.mark.step, self.mark.weight, aligned))

    def _versions(self) -> tuple[Counts, Counts]:
        """What stable and the candidate did. At weight 100 the user's own Service leads to the candidate as well."""
        stable, candidate = self.row[3:7], self.row[7:11]
        if self.mark.weight < 100:
            return _counts(*stable), _counts(*candidate)
        return Counts(), _counts(*(mine + theirs for mine, theirs in zip(stable, candidate, strict=True)))


def _counts(served: float, failed: float, timed: float, fast: float) -> Counts:
    return Counts(served + failed, failed, timed, max(0.0, timed - fast))


def _by_counter(series: Iterable[Series]) -> dict[_Key, list[tuple[float, str, float]]]:
    """The samples of each counter as (moment, replica, value) in order of time, those of all replicas together."""
    groups: dict[_Key, list[tuple[float, str, float]]] = {}
    for item in series:
        # A counter of requests holds a whole number; NaN and infinities are no counts.
        samples = [(at, item.replica, value) for at, value in item.samples if 0 <= value < math.inf]
        if samples:
            groups.setdefault((item.identity, item.arm, item.kind), []).extend(samples)
    return {
        key: [next(same) for _, same in groupby(sorted(samples), lambda sample: sample[:2])]
        for key, samples in groups.items()
    }


def _follow(
    head: _Head | None,
    samples: list[tuple[float, str, float]],
    deltas: list[_Delta],
    *,
    settled: float,
    unit: float,
) -> _Head | None:
    """The head after the samples; adds what they counted to `deltas`.

    A series that is new after `settled` was born then, for scraping went on before; one that is new earlier may have
    been counting for long.
    """
    for at, replica, value in samples:
        count = round(value)
        if head is None:
            if at > settled:
                deltas.append(_Delta(at - unit, at, count, gap=False))
            head = _Head(at, count, 0.0, replica)
        elif at > head.at and (replica == head.replica or at > head.at + _silence(head, unit)):
            grown = count - head.value if count >= head.value else count
            gap = bool(head.spacing) and at - head.at > _GAP * head.spacing
            deltas.append(_Delta(head.at, at, grown, gap=gap))
            head = _Head(at, count, at - head.at, replica)
    return head


def _silence(head: _Head, unit: float) -> float:
    return _SILENCE * min(head.spacing or unit, _LONGEST_SPACING)


def _row_of(cells: "array[int]", rows: "array[float]", cell: int) -> int:
    """Where the row of a cell begins; an empty one is put in its place first."""
    place = bisect_left(cells, cell)
    if place == len(cells) or cells[place] != cell:
        cells.insert(place, cell)
        rows[place * _WIDTH : place * _WIDTH] = array("d", bytes(8 * _WIDTH))
    return place * _WIDTH
