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

from headgate.analysis.dispersion import Baseline
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
from headgate.analysis.intervals import Interval, Sort
from headgate.analysis.policy import Policy
from headgate.api.spec import Analysis

FULL = 100
_HIGHEST = 0.5
RECENT = 3
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

    sort: Sort
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
    def name(self) -> str:
        """What it is called in status and sentences."""
        return "errors" if self.sort == "errors" else "latency"

    @property
    def absolute(self) -> float | None:
        """The limit with all traffic on the candidate."""
        if self.limit is not None:
            return self.limit
        bad, requests = self.past
        if requests < self.policy.past_requests:
            return None
        # Where no request was bad, 3 over requests is the upper 95 % bound of the rate (Hanley and Lippman-Hand 1983).
        return min(_HIGHEST, max(self.policy.past_floor, self.policy.past_ratio * (bad + 3.0) / requests))

    @cached_property
    def alarms(self) -> tuple[Alarm, ...]:
        """The evidence of each test that the candidate is bad; the onset is an index into `counted`."""
        pairs = [check.pair for check in self.counted]
        bets = [
            self.bets_against(pairs[max(0, place + 1 - RECENT) : place + 1], full=check.full)
            for place, check in enumerate(self.counted)
        ]
        aligned = [check.aligned for check in self.counted]
        return tuple(alarm([bet[test] for bet in bets], self.most, aligned) for test in range(self.tests_against))

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
        return bool(self._proofs) and all(assurance(bets) >= self._log_needed for bets in self._proofs)

    @property
    def log_safe(self) -> float:
        """Log evidence of the current step that the candidate is fine: the least of its tests."""
        return min((assurance(bets) for bets in self._proofs), default=-math.inf)

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
            checks_needed(totals(bets), self.bets_for(test, typical), self._log_needed)
            for test, bets in zip(self.tests_for(full=self.weight == FULL), self._proofs, strict=True)
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

    @property
    def tests_against(self) -> int:
        """How many tests look for a bad candidate: the comparison, and the limit where the spec sets one."""
        return 1 if self.limit is None else 2

    def bets_against(self, recent: Sequence[Pair], *, full: bool) -> tuple[Bets, ...]:
        """What the last of the RECENT pairs says against the candidate in each test.

        A breach of the limit is the candidate's own only if stable kept it of late. Only what stable did up to then
        decides that, whose failures do not depend on the candidate's: the factors keep their expectation.
        """
        pair = recent[-1]
        first = self._breach(pair, self.absolute) if full else comparison_bets(pair, self.policy.bad, self.phi)
        if self.limit is None:
            return (first,)
        kept = full or sum(one.y for one in recent) <= self.limit * sum(one.m for one in recent)
        return first, self._breach(pair, self.limit if kept else None)

    def _breach(self, pair: Pair, limit: float | None) -> Bets:
        return (0.0,) * len(BAD_RATIOS) if limit is None else breach_bets(pair.x, pair.n, limit, self.phi)

    def tests_for(self, *, full: bool) -> tuple[float | None, ...]:
        """The tests that certify: None for the comparison, else the limit that must be kept."""
        if full:
            return () if self.absolute is None else (self.absolute,)
        return (None,) if self.limit is None else (None, self.limit)

    def bets_for(self, test: float | None, pair: Pair) -> Bets:
        """What a pair says for the candidate in one of `tests_for`."""
        if test is None:
            return similarity_bets(pair, self.policy.safe, self.phi)
        return keeping_bets(pair.x, pair.n, test, self.phi)

    @cached_property
    def _proofs(self) -> list[list[Bets]]:
        """The bets of the current step in each of its tests."""
        tests = self.tests_for(full=self.weight == FULL)
        return [[self.bets_for(test, check.pair) for check in self._current] for test in tests]

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
            sort=sort,
            checks=tuple(_check(interval, sort) for interval in intervals),
            step=step,
            weight=weight,
            limit=limit,
            past=baseline.counts.of(sort),
            phi=policy.dispersion or (baseline.errors if sort == "errors" else baseline.slow),
            most=policy.log_needed(analysis.confidence) / 2.0,
            policy=policy,
        )
        for sort, limit in limits.items()
    ]


def _check(interval: Interval, sort: Sort) -> Check:
    pair = Pair(*interval.candidate.of(sort), *interval.stable.of(sort))
    return Check(pair, interval.step, interval.weight == FULL, interval.start, interval.end, interval.aligned)
