"""The verdict of `judge` on intervals that come one by one, for thousands of simulated or replayed releases.

It is equal to asking `judge` after each interval, and faster: the full evidence is computed only where it can be Bad.
A bound tells where: the same e-process without what `alarm` takes away, whose sum over onsets follows the recursion
R_t = (R_(t-1) + w_t) * factor_t (Shiryaev 1963), with w_t = 1 / (t (t+1)).
"""

import math
from collections import deque
from typing import Any

from headgate.analysis.dispersion import Baseline
from headgate.analysis.evidence import (
    BAD_RATIOS,
    SAFE_RATIOS,
    Bets,
    Pair,
    breach_bets,
    comparison_bets,
    keeping_bets,
    log_mean_exp,
    log_sum_exp,
    similarity_bets,
)
from headgate.analysis.intervals import Interval
from headgate.analysis.objective import FULL, Objective, objectives_of
from headgate.analysis.policy import Policy
from headgate.analysis.verdict import Judgement, Verdict, judge
from headgate.api.spec import Analysis

_RECENT = 3
_ROUNDING = 1e-9


class Running:
    """The evidence of one release, interval by interval; queries of the analysis are left out.

    Call `enter` at each new step or weight, `add` for each interval in it.
    """

    def __init__(self, analysis: Analysis, baseline: Baseline, policy: Policy) -> None:
        self.intervals: list[Interval] = []
        self._analysis = without_queries(analysis)
        self._place: dict[str, Any] = {"step": 0, "weight": 0, "baseline": baseline, "policy": policy}
        self._log_needed = -math.log(1.0 - analysis.confidence)
        self._log_safe = -math.log(policy.risk)
        self._tracks = [_Track(one) for one in objectives_of((), self._analysis, **self._place)]

    def enter(self, step: int, weight: int) -> None:
        """From now on the candidate is in `step` at `weight` percent; the proof of another step begins anew."""
        for track in self._tracks:
            track.enter(weight, anew=step != self._place["step"])
        self._place |= {"step": step, "weight": weight}

    def add(self, interval: Interval) -> None:
        """Counts an interval of the present step and weight."""
        self.intervals.append(interval)
        for track in self._tracks:
            track.add(interval)

    @property
    def verdict(self) -> Verdict:
        """What `judge` says now."""
        bound = log_mean_exp([track.bound for track in self._tracks])
        if bound >= self._log_needed - _ROUNDING or any(track.odd(self._log_safe) for track in self._tracks):
            return self.judgement.verdict
        return "Safe" if all(track.safe(self._log_safe) for track in self._tracks) else "NotEnough"

    @property
    def judgement(self) -> Judgement:
        """The judgement in full."""
        return judge(self.intervals, self._analysis, **self._place)


def without_queries(analysis: Analysis) -> Analysis:
    """The analysis without its PromQL expressions, which say nothing of a version that is only pretended."""
    return analysis.model_copy(update={"queries": ()})


def _log_add(one: float, other: float) -> float:
    """The logarithm of exp(one) + exp(other)."""
    high, low = (one, other) if one > other else (other, one)
    return high + math.log1p(math.exp(low - high))


class _Track:
    """What is kept of one objective."""

    def __init__(self, objective: Objective) -> None:
        self._of = objective
        self._weight = objective.weight
        self._counted = 0
        self._rises = [[-math.inf] * len(BAD_RATIOS) for _ in range(1 if objective.limit is None else 2)]
        self._recent: deque[Pair] = deque(maxlen=_RECENT)
        self._total = Pair(0.0, 0.0, 0.0, 0.0)
        self._untimed = 0.0
        self._proof: dict[float | None, list[float]] = {}
        self._stable_breach = [0.0] * len(BAD_RATIOS)

    def enter(self, weight: int, *, anew: bool) -> None:
        self._weight = weight
        if anew:
            self._proof = {}
            self._stable_breach = [0.0] * len(BAD_RATIOS)

    def add(self, interval: Interval) -> None:
        c, s = interval.candidate, interval.stable
        errors = self._of.name == "errors"
        pair = Pair(c.errors, c.requests, s.errors, s.requests) if errors else Pair(c.slow, c.timed, s.slow, s.timed)
        self._untimed += 0.0 if errors else c.requests
        self._total = Pair(*(mine + new for mine, new in zip(self._total, pair, strict=True)))
        full = interval.weight == FULL
        if not pair.n or not (full or pair.m):
            return
        self._counted += 1
        self._recent.append(pair)
        for rises, bets in zip(self._rises, self._against(pair, full=full), strict=True):
            self._rise(rises, bets)
        for limit in self._limits(full=full):
            sums = self._proof.setdefault(limit, [0.0] * len(SAFE_RATIOS))
            sums[:] = [total + bet for total, bet in zip(sums, self._for(limit, pair), strict=True)]
        if self._of.limit is not None and pair.m:
            bets = breach_bets(pair.y, pair.m, self._of.limit, self._of.phi)
            self._stable_breach = [total + bet for total, bet in zip(self._stable_breach, bets, strict=True)]

    @property
    def bound(self) -> float:
        """An upper bound of the log evidence that the candidate is bad."""
        rest = -math.log(self._counted + 1.0)
        return log_mean_exp([log_sum_exp((log_mean_exp(rises), rest)) for rises in self._rises])

    def safe(self, log_needed: float) -> bool:
        """Whether every test of the present step has certified the candidate."""
        limits = self._limits(full=self._weight == FULL)
        return bool(limits) and all(
            limit in self._proof and log_mean_exp(self._proof[limit]) >= log_needed for limit in limits
        )

    def odd(self, log_needed: float) -> bool:
        """Whether the objective may be one that can't be judged: stable not counted, no histogram, stable failing."""
        if self._of.name == "errors" and self._total.n and not self._total.m:
            return True
        if self._of.name == "latency" and self._untimed and not self._total.n:
            return True
        breaks = self._of.limit is not None and self._weight != FULL
        return breaks and log_mean_exp(self._stable_breach) >= log_needed - _ROUNDING

    def _rise(self, rises: list[float], bets: Bets) -> None:
        onset = -math.log(self._counted * (self._counted + 1.0))
        rises[:] = [_log_add(rise, onset) + bet for rise, bet in zip(rises, bets, strict=True)]

    def _against(self, pair: Pair, *, full: bool) -> list[Bets]:
        none = (0.0,) * len(BAD_RATIOS)
        limit, phi = self._of.limit, self._of.phi
        if not full:
            found = [comparison_bets(pair, self._of.policy.bad, phi)]
        else:
            absolute = self._of.absolute
            found = [none if absolute is None else breach_bets(pair.x, pair.n, absolute, phi)]
        if limit is not None:
            bad, requests = sum(item.y for item in self._recent), sum(item.m for item in self._recent)
            kept = full or bad <= limit * requests
            found.append(breach_bets(pair.x, pair.n, limit, phi) if kept else none)
        return found

    def _limits(self, *, full: bool) -> list[float | None]:
        """The tests that certify: None for the comparison, else the limit that must be kept."""
        if full:
            return [] if self._of.absolute is None else [self._of.absolute]
        return [None] if self._of.limit is None else [None, self._of.limit]

    def _for(self, limit: float | None, pair: Pair) -> Bets:
        if limit is None:
            return similarity_bets(pair, self._of.policy.safe, self._of.phi)
        return keeping_bets(pair.x, pair.n, limit, self._of.phi)
