"""One objective, errors or latency: which test each interval takes, and what they show together.

An interval in which both versions serve takes the comparison with stable. One in which the candidate has all traffic
has no concurrent stable: it takes the absolute objective, or, when the spec sets none, a multiple of stable's rate
before the release. Where the spec sets an absolute objective it is a second test in all intervals, and the e-values of
both are averaged.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from headgate.analysis.dispersion import Baseline, Sort
from headgate.analysis.evidence import (
    BAD_RATIOS,
    Alarm,
    Bets,
    Pair,
    alarm,
    assurance,
    breach_bets,
    checks_needed,
    comparison_bets,
    keeping_bets,
    log_mean_exp,
    similarity_bets,
    totals,
)
from headgate.analysis.intervals import Counts, Interval
from headgate.analysis.policy import Policy
from headgate.api.spec import Analysis

FULL = 100
_HIGHEST = 0.5
_RECENT = 3
"""So many intervals tell whether stable breaks the objective at the time."""


@dataclass(frozen=True)
class Check:
    """One interval, reduced to one objective."""

    pair: Pair
    step: int
    full: bool
    """The candidate has all traffic."""
    start: float
    end: float
    aligned: bool


@dataclass(frozen=True)
class Objective:
    """What one objective shows in all intervals, the last step being `step` at `weight` percent."""

    name: str
    checks: tuple[Check, ...]
    step: int
    weight: int
    limit: float | None
    """The absolute objective: the highest share of bad requests."""
    past: tuple[float, float]
    """Bad and all requests of stable before the release."""
    phi: float
    most: float
    """How much evidence what is odd for a moment may count for."""
    policy: Policy

    @property
    def absolute(self) -> float | None:
        """The limit with all traffic on the candidate."""
        if self.limit is not None:
            return self.limit
        bad, requests = self.past
        if requests < self.policy.past_requests:
            return None
        # bad + 3 over requests is the upper 95 % bound of a rate at which no request was bad.
        return min(_HIGHEST, max(self.policy.past_floor, self.policy.past_ratio * (bad + 3.0) / requests))

    @cached_property
    def alarms(self) -> tuple[Alarm, ...]:
        """The evidence of each test that the candidate is bad; the onset is an index into `counted`."""
        aligned = [check.aligned for check in self.counted]
        first = alarm([self._bets_against(check) for check in self.counted], self.most, aligned)
        if self.limit is None:
            return (first,)
        held = self._stable_kept
        second = [
            breach_bets(check.pair.x, check.pair.n, self.limit, self.phi)
            if held[check.end]
            else (0.0,) * len(BAD_RATIOS)
            for check in self.counted
        ]
        return first, alarm(second, self.most, aligned)

    @property
    def log_e(self) -> float:
        """Log evidence that the candidate is bad."""
        return log_mean_exp([item.log_e for item in self.alarms])

    @cached_property
    def counted(self) -> tuple[Check, ...]:
        """The checks that can show anything."""
        return tuple(check for check in self.checks if check.pair.n and (check.full or check.pair.m))

    @property
    def onset(self) -> tuple[Check, ...]:
        """The checks from the strongest onset on, of the test that shows most."""
        strongest = max(self.alarms, key=lambda item: item.log_e)
        return self.counted[strongest.onset :]

    @property
    def safe(self) -> bool:
        """Whether every test of the current step has certified the candidate."""
        return bool(self._tests) and all(assurance(bets) >= self._log_needed for bets in self._tests)

    @property
    def log_safe(self) -> float:
        """Log evidence of the current step that the candidate is fine: the least of its tests."""
        return min((assurance(bets) for bets in self._tests), default=-math.inf)

    @property
    def stable_breaks(self) -> bool:
        """Whether stable is proven to break the limit in the current step."""
        if self.limit is None or self.weight == FULL:
            return False
        bets = [
            breach_bets(check.pair.y, check.pair.m, self.limit, self.phi) for check in self._current if check.pair.m
        ]
        return log_mean_exp([math.fsum(column) for column in zip(*bets, strict=True)] or [0.0]) >= self._log_needed

    @cached_property
    def requests_needed(self) -> int | None:
        """About how many more candidate requests it takes to certify it, if both versions fail alike."""
        typical = self._typical
        wanted = [
            checks_needed(totals(self._test(kind)), self._bets_for(kind, typical), self._log_needed)
            for kind in self._kinds
        ]
        if not typical.n or not wanted or None in wanted:
            return None
        return math.ceil(max(checks for checks in wanted if checks is not None) * typical.n)

    @property
    def _log_needed(self) -> float:
        return -math.log(self.policy.risk)

    @property
    def _current(self) -> list[Check]:
        return [check for check in self.counted if check.step == self.step]

    @cached_property
    def _tests(self) -> list[list[Bets]]:
        return [self._test(kind) for kind in self._kinds]

    def _test(self, limit: float | None) -> list[Bets]:
        return [self._bets_for(limit, check.pair) for check in self._current]

    @property
    def _kinds(self) -> list[float | None]:
        """The tests of the current step that certify: None for the comparison, else the limit that must be kept."""
        if self.weight == FULL:
            return [] if self.absolute is None else [self.absolute]
        return [None] if self.limit is None else [None, self.limit]

    def _bets_for(self, limit: float | None, pair: Pair) -> Bets:
        if limit is None:
            return similarity_bets(pair, self.policy.safe, self.phi)
        return keeping_bets(pair.x, pair.n, limit, self.phi)

    def _bets_against(self, check: Check) -> Bets:
        if not check.full:
            return comparison_bets(check.pair, self.policy.bad, self.phi)
        if self.absolute is None:
            return (0.0,) * len(BAD_RATIOS)
        return breach_bets(check.pair.x, check.pair.n, self.absolute, self.phi)

    @property
    def _stable_kept(self) -> dict[float, bool]:
        """By end of check: whether stable kept the limit of late, so that a breach is the candidate's own.

        Only what stable did up to then decides, whose failures do not depend on the candidate's: the factors keep
        their expectation.
        """
        kept, limit = {}, self.limit or 0.0
        for index, check in enumerate(self.counted):
            recent = self.counted[max(0, index + 1 - _RECENT) : index + 1]
            bad, requests = sum(item.pair.y for item in recent), sum(item.pair.m for item in recent)
            kept[check.end] = check.full or bad <= limit * requests
        return kept

    @property
    def _typical(self) -> Pair:
        """An interval as it is to be expected in this step, with both versions failing at stable's rate."""
        current = self._current
        n = sum(check.pair.n for check in current) / max(1, len(current)) or float(self.weight)
        m = sum(check.pair.m for check in current) / max(1, len(current)) or float(FULL - self.weight)
        bad = self.past[0] + sum(check.pair.y for check in self.checks)
        requests = self.past[1] + sum(check.pair.m for check in self.checks)
        rate = bad / requests if requests else 0.0
        return Pair(n * rate, n, m * rate, m)


def objectives_of(
    intervals: Sequence[Interval], analysis: Analysis, *, step: int, weight: int, baseline: Baseline, policy: Policy
) -> list[Objective]:
    """The objectives of a spec: errors always, latency when it is asked for."""
    limits: dict[Sort, float | None] = {"errors": analysis.errors.max if analysis.errors else None}
    if analysis.latency:
        # Rounded, for 1 - 0.99 is a little more than 0.01.
        limits["slow"] = round(1.0 - analysis.latency.objective, 9)
    return [
        Objective(
            name="errors" if sort == "errors" else "latency",
            checks=tuple(_check(interval, sort) for interval in intervals),
            step=step,
            weight=weight,
            limit=limit,
            past=_of(baseline.counts, sort),
            phi=policy.dispersion or (baseline.errors if sort == "errors" else baseline.slow),
            most=-math.log(1.0 - analysis.confidence) / 2.0,
            policy=policy,
        )
        for sort, limit in limits.items()
    ]


def _check(interval: Interval, sort: Sort) -> Check:
    pair = Pair(*_of(interval.candidate, sort), *_of(interval.stable, sort))
    return Check(pair, interval.step, interval.weight == FULL, interval.start, interval.end, interval.aligned)


def _of(counts: Counts, sort: Sort) -> tuple[float, float]:
    return (counts.errors, counts.requests) if sort == "errors" else (counts.slow, counts.timed)
