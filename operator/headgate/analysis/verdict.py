"""The verdict on a candidate: Bad, Unknown, Safe or NotEnough, with its reason and its evidence in words."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

from headgate.analysis import wording
from headgate.analysis.dispersion import Baseline
from headgate.analysis.evidence import Pair, log_mean_exp
from headgate.analysis.intervals import Interval, Sort
from headgate.analysis.objective import FULL, Objective, objectives_of
from headgate.analysis.policy import Policy
from headgate.api.spec import Analysis, Query
from headgate.api.status import Evidence

Verdict = Literal["Bad", "Unknown", "Safe", "NotEnough"]

_SURELY = 30.0
"""If so many requests are expected, there is at least one."""

NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Judgement:
    """What the samples of a release say."""

    verdict: Verdict
    reason: str
    """One sentence with the numbers that decided."""
    summary: str
    """A few words for a table: `NotEnough, ~1,200 requests`."""
    evidence: tuple[Evidence, ...]
    """Each objective and each query."""
    log_e: float = 0.0
    """Log evidence that the candidate is bad, all objectives together."""
    log_needed: float = math.inf
    """Log evidence at which it is Bad."""
    requests_needed: int | None = None
    """About how many more candidate requests a verdict of Safe takes."""
    likely: bool = False
    """Whether all objectives say of this step that the candidate is likely fine (Policy.likely)."""
    looked: bool = True
    """Whether enough of this step was counted that a bad version would show (Policy.checks)."""


def judge(
    intervals: Sequence[Interval],
    analysis: Analysis,
    *,
    step: int,
    weight: int,
    queries: Mapping[str, float | None] = MappingProxyType({}),
    problem: str = "",
    problems: Mapping[str, str] = NOTHING,
    baseline: Baseline = Baseline(),  # noqa: B008 (a frozen value)
    policy: Policy = Policy(),  # noqa: B008 (a frozen value)
) -> Judgement:
    """The verdict on the candidate in `step` at `weight` percent.

    In this order: Unknown while `problem` says why there are no fresh samples; Bad when the evidence of all objectives
    together reaches 1 / (1 - confidence), or a query is out of its bounds; Unknown when an objective can't be judged
    (`problems` has reasons by objective or query); Safe when every objective is certified in this step; else NotEnough.
    `intervals` are all since the release began, oldest first.
    """
    log_needed = policy.log_needed(analysis.confidence)
    objectives = objectives_of(intervals, analysis, step=step, weight=weight, baseline=baseline, policy=policy)
    log_e = log_mean_exp([objective.log_e for objective in objectives])
    bad = log_e >= log_needed and not problem
    each_needed = log_needed + math.log(len(objectives))
    strongest = max(objectives, key=lambda objective: objective.log_e)
    found = [
        _evidence(
            objective,
            problem=problem or problems.get(objective.name, "") or _unjudged(objective, intervals),
            bad=bad and (objective is strongest or objective.log_e >= each_needed),
            log_needed=each_needed,
        )
        for objective in objectives
    ]
    found += [
        _query_evidence(query, queries.get(query.name), problem or problems.get(query.name, ""))
        for query in analysis.queries
    ]
    likely = all(objective.log_safe >= math.log(policy.likely) for objective in objectives)
    looked = sum(interval.step == step for interval in intervals) >= policy.checks
    return replace(_conclude(tuple(found), problem, log_e, log_needed), likely=likely, looked=looked)


def _conclude(found: tuple[Evidence, ...], problem: str, log_e: float, log_needed: float) -> Judgement:
    """The first verdict, in order of precedence, that one objective has; Safe only when all have it."""
    order: tuple[Verdict, ...] = ("Unknown", "Bad") if problem else ("Bad", "Unknown")
    order += ("NotEnough", "Safe")
    verdict = next(item for item in order if any(one.verdict == item for one in found))
    deciding = [one for one in found if one.verdict == verdict]
    needed = None
    if verdict == "NotEnough" and all(one.requests_needed is not None for one in deciding):
        needed = max(one.requests_needed or 0 for one in deciding)
        deciding.sort(key=lambda one: -(one.requests_needed or 0))
    reason = problem or f"{deciding[0].objective}: {deciding[0].message}"
    return Judgement(verdict, reason, _summary(verdict, deciding[0], log_e, needed), found, log_e, log_needed, needed)


def _summary(verdict: Verdict, deciding: Evidence, log_e: float, needed: int | None) -> str:
    if verdict == "Bad":
        return f"Bad, {wording.odds(log_e)}:1" if deciding.e_value else f"Bad, {deciding.objective}"
    if needed is not None:
        return f"NotEnough, ~{wording.rounded(needed)} requests"
    return verdict


def _unjudged(objective: Objective, intervals: Sequence[Interval]) -> str:
    """Why an objective can't be judged whatever the traffic; empty when it can."""
    answered = sum(interval.candidate.requests for interval in intervals)
    timed = sum(interval.candidate.timed for interval in intervals)
    if objective.sort == "slow" and answered and not timed:
        return f"the candidate answered {wording.number(answered)} requests, but no histogram timed them"
    if _stable_is_missing(intervals, objective.sort):
        counted = "counted" if objective.sort == "errors" else "timed"
        return (
            f"the candidate answered {wording.number(answered)} requests, but none of stable were {counted}:"
            " there is nothing to compare with"
        )
    if objective.stable_breaks and objective.limit is not None:
        now = _sum([check.pair for check in objective.checks if check.step == objective.step])
        return (
            f"stable is failing too: {wording.number(now.y)} of {wording.number(now.m)},"
            f" more than the objective of {wording.percent(objective.limit)}"
        )
    return ""


def _stable_is_missing(intervals: Sequence[Interval], sort: Sort) -> bool:
    """Whether nothing of stable was counted, though by the weights it must have answered requests."""
    counted = [(one.candidate.of(sort)[1], one.stable.of(sort)[1], one.weight) for one in intervals]
    shared = [(n, m, weight) for n, m, weight in counted if 0 < weight < FULL]
    if any(m for _, m, _ in shared):
        return False
    return sum(n * (FULL - weight) / weight for n, _, weight in shared) >= _SURELY


def _evidence(objective: Objective, *, problem: str, bad: bool, log_needed: float) -> Evidence:
    """One objective in numbers and words."""
    verdict: Verdict = "Bad" if bad else "Unknown" if problem else "Safe" if objective.safe else "NotEnough"
    total = _sum([check.pair for check in objective.checks])
    needed = objective.requests_needed if verdict == "NotEnough" else None
    return Evidence(
        objective=objective.name,
        verdict=verdict,
        requests=round(total.n),
        bad=round(total.x),
        stable_rate=wording.share(total.y, total.m),
        candidate_rate=wording.share(total.x, total.n),
        difference=wording.difference(total, objective.phi),
        e_value=wording.odds(objective.log_e),
        needed=wording.odds(log_needed),
        requests_needed=needed,
        message=problem if verdict == "Unknown" else _message(objective, verdict, total, needed, log_needed),
    )


def _message(objective: Objective, verdict: Verdict, total: Pair, needed: int | None, log_needed: float) -> str:
    """The sentence of a verdict other than Unknown."""
    verb = "failed" if objective.sort == "errors" else "were slow"
    if verdict == "Bad":
        return _alarm_message(objective, verb, log_needed)
    counted = wording.counts(total, verb, alone=not total.m)
    if verdict == "Safe":
        return f"{counted}; proven safe in this step, {wording.odds(objective.log_safe)} : 1"
    shown = f"{counted}; {wording.evidence(objective.log_e, log_needed)} to be bad"
    if needed is not None:
        return f"{shown}; {wording.more_requests(needed)} to prove it safe"
    return f"{shown}; {_why_never(objective)}"


def _why_never(objective: Objective) -> str:
    if not objective.weight:
        return "the candidate gets no traffic in this step"
    if objective.weight == FULL and objective.absolute is None:
        return "there is no stable beside it and no objective: set spec.analysis.errors.max to judge it"
    return "stable's own rate is too near the objective to prove the candidate safe"


def _alarm_message(objective: Objective, verb: str, log_needed: float) -> str:
    """What was seen since the candidate seems to have become bad."""
    window = objective.onset
    pair = _sum([check.pair for check in window])
    tolerated = _tolerated(objective, pair)
    alone = window[-1].full or not pair.m
    shown = wording.counts(pair, verb, alone=alone)
    if window[0] is not objective.counted[0]:
        shown += f" {wording.since_onset(window[-1].end - window[0].start)}"
    return f"{shown}; {wording.excess(pair, tolerated)}; {wording.evidence(objective.log_e, log_needed)}"


def _tolerated(objective: Objective, pair: Pair) -> float:
    """The rate that the test which shows most allows the candidate."""
    alarms = objective.alarms
    compared = alarms[0] is max(alarms, key=lambda item: item.log_e)
    if compared and pair.m and objective.weight != FULL:
        return objective.policy.bad.ratio * pair.y / pair.m + objective.policy.bad.difference
    return objective.absolute or objective.policy.bad.difference


def _sum(pairs: Sequence[Pair]) -> Pair:
    return Pair(*(math.fsum(column) for column in zip(*pairs, strict=True))) if pairs else Pair(0.0, 0.0, 0.0, 0.0)


def _query_evidence(query: Query, value: float | None, problem: str) -> Evidence:
    """A query against its bounds: a number is within them or not, there is no more to know."""
    if problem or value is None or not math.isfinite(value):
        return Evidence(objective=query.name, verdict="Unknown", message=problem or "the query gives no number")
    if query.max is not None and value > query.max:
        return Evidence(objective=query.name, verdict="Bad", message=f"{value:g} is above the bound {query.max:g}")
    if query.min is not None and value < query.min:
        return Evidence(objective=query.name, verdict="Bad", message=f"{value:g} is below the bound {query.min:g}")
    return Evidence(objective=query.name, verdict="Safe", message=f"{value:g} is within its bounds")
