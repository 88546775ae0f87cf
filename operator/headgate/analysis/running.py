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
    log_mean_exp,
    log_sum_exp,
)
from headgate.analysis.intervals import Interval
from headgate.analysis.objective import FULL, RECENT, Objective, objectives_of
from headgate.analysis.policy import Policy
from headgate.analysis.verdict import Judgement, Verdict, judge
from headgate.api.spec import Analysis

_ROUNDING = 1e-9


class Running:
    """The evidence of one release, interval by interval; queries of the analysis are left out.

    Call `enter` at each new step or weight, `add` for each interval in it.
    """

    def __init__(self, analysis: Analysis, baseline: Baseline, policy: Policy) -> None:
        self.intervals: list[Interval] = []
        self._analysis = without_queries(analysis)
        self._place: dict[str, Any] = {"step": 0, "weight": 0, "baseline": baseline, "policy": policy}
        self._log_needed = policy.log_needed(analysis.confidence)
        self._log_safe = -math.log(policy.risk)
        self._checks, self._enough = 0, policy.checks
        self._log_likely = math.log(policy.likely)
        self._tracks = [_Track(one) for one in objectives_of((), self._analysis, **self._place)]

    def enter(self, step: int, weight: int) -> None:
        """From now on the candidate is in `step` at `weight` percent; the proof of another step begins anew."""
        anew = step != self._place["step"]
        self._checks = 0 if anew else self._checks
        for track in self._tracks:
            track.enter(weight, anew=anew)
        self._place |= {"step": step, "weight": weight}

    def add(self, interval: Interval) -> None:
        """Counts an interval of the present step and weight."""
        self.intervals.append(interval)
        self._checks += 1
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
    def likely(self) -> bool:
        """What `judge` says now of the candidate's being likely fine."""
        return all(track.safe(self._log_likely) for track in self._tracks)

    @property
    def looked(self) -> bool:
        """Whether enough of the present step was counted that a bad version would show."""
        return self._checks >= self._enough

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
        self._rises = [[-math.inf] * len(BAD_RATIOS) for _ in range(objective.tests_against)]
        self._recent: deque[Pair] = deque(maxlen=RECENT)
        self._total = Pair(0.0, 0.0, 0.0, 0.0)
        self._answered = 0.0
        self._begin_proof()

    def _begin_proof(self) -> None:
        tests = {*self._of.tests_for(full=False), *self._of.tests_for(full=True)}
        self._proof = {test: [0.0] * len(SAFE_RATIOS) for test in tests}
        self._stable_breach = [0.0] * len(BAD_RATIOS)

    def enter(self, weight: int, *, anew: bool) -> None:
        self._weight = weight
        if anew:
            self._begin_proof()

    def add(self, interval: Interval) -> None:
        pair = Pair(*interval.candidate.of(self._of.sort), *interval.stable.of(self._of.sort))
        self._answered += interval.candidate.requests
        self._total = Pair(*(mine + new for mine, new in zip(self._total, pair, strict=True)))
        full = interval.weight == FULL
        if not pair.n or not (full or pair.m):
            return
        self._counted += 1
        self._recent.append(pair)
        for rises, bets in zip(self._rises, self._of.bets_against(tuple(self._recent), full=full), strict=True):
            self._rise(rises, bets)
        for test, sums in self._proof.items():
            sums[:] = [total + bet for total, bet in zip(sums, self._of.bets_for(test, pair), strict=True)]
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
        tests = self._of.tests_for(full=self._weight == FULL)
        return bool(tests) and all(log_mean_exp(self._proof[test]) >= log_needed for test in tests)

    def odd(self, log_needed: float) -> bool:
        """Whether the objective may be one that can't be judged: stable not counted, no histogram, stable failing."""
        if self._answered and not (self._total.n and self._total.m):
            return True
        breaks = self._of.limit is not None and self._weight != FULL
        return breaks and log_mean_exp(self._stable_breach) >= log_needed - _ROUNDING

    def _rise(self, rises: list[float], bets: Bets) -> None:
        onset = -math.log(self._counted * (self._counted + 1.0))
        rises[:] = [_log_add(rise, onset) + bet for rise, bet in zip(rises, bets, strict=True)]
