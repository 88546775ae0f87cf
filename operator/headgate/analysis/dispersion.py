"""How much more than at random stable's own bad requests scatter, measured before the release.

Errors come in bursts: a lost connection fails ten requests at once, and ten such errors weigh as one. phi is the
variance of the count over the variance that independent errors would have (1 for independent errors, about b for bursts
of b). All evidence is divided by it, as in quasi-likelihood (Wedderburn 1974; McCullagh and Nelder 1989, section 9.2).
With an estimated phi the guarantee on false rollbacks is approximate.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from headgate.analysis.interval_log import IntervalLog
from headgate.analysis.intervals import Counts, Interval, Sort
from headgate.analysis.samples import Series
from headgate.api.status import Mark

PRIOR = 10.0
"""Weight of the prior phi = 1, in expected bad requests."""
MARGIN = 60.0
"""Seconds before the release that are left out: samples of these may still arrive after the first read."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """What stable did before the release: its counts, and the dispersion of its errors and of its slow requests."""

    counts: Counts = field(default_factory=Counts)
    errors: float = 1.0
    slow: float = 1.0


def baseline_of(series: Iterable[Series], *, since: float, interval: float) -> Baseline:
    """The baseline that the samples of stable up to shortly before `since` show."""
    past = [_until(item, since - MARGIN) for item in series if item.arm == "stable"]
    past = [item for item in past if item.samples]
    total = [check.stable for check in _checks(past, interval)]
    by_check: dict[float, list[Counts]] = {}
    for pod in sorted({item.pod for item in past} - {""}):
        for check in _checks([item for item in past if item.pod == pod], interval):
            by_check.setdefault(check.start, []).append(check.stable)
    return measured(total, list(by_check.values()))


def measured(total: Sequence[Counts], pods: Sequence[Sequence[Counts]]) -> Baseline:
    """The baseline that successive counts show, and the counts of each pod in each of the same checks."""
    return Baseline(sum(total, Counts()), _phi(total, pods, "errors"), _phi(total, pods, "slow"))


def over_time(counts: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Scatter and its expectation at phi = 1, from successive (bad, all) counts.

    For neighbours (y, m) and (y', m') of one rate p, y m' - y' m has the variance phi p m m' (m + m'). Differences of
    neighbours leave slow changes of the rate out (von Neumann 1941).
    """
    scatter = expected = 0.0
    for (bad, all_), (next_bad, next_all) in pairwise(counts):
        if all_ and next_all:
            scatter += (bad * next_all - next_bad * all_) ** 2 / (all_ * next_all)
            expected += bad + next_bad
    return scatter, expected


def over_pods(counts: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Scatter and its expectation at phi = 1, from the (bad, all) counts of each pod over the same time.

    Pearson's statistic of the pods' shares: an incident that hits all pods alike does not count as scatter.
    """
    total, bad = sum(all_ for _, all_ in counts), sum(bad for bad, _ in counts)
    serving = [(x, all_ / total) for x, all_ in counts if all_]
    if len(serving) < 2:
        return 0.0, 0.0
    return sum((x - bad * share) ** 2 / share for x, share in serving), bad * (len(serving) - 1)


def dispersion(scatter: float, expected: float) -> float:
    """The phi of sums of scatter and of its expectation, at least 1; a prior keeps a few errors from deciding it."""
    return max(1.0, (PRIOR + scatter) / (PRIOR + expected))


def _phi(total: Sequence[Counts], pods: Sequence[Sequence[Counts]], sort: Sort) -> float:
    """From the pods' counts where at least two pods were counted, else from the total over time."""
    sums = [over_pods([counts.of(sort) for counts in check]) for check in pods]
    if not any(expected for _, expected in sums):
        sums = [over_time([counts.of(sort) for counts in total])]
    return dispersion(sum(scatter for scatter, _ in sums), sum(expected for _, expected in sums))


def _until(series: Series, end: float) -> Series:
    return replace(series, samples=tuple(sample for sample in series.samples if sample[0] <= end))


def _checks(series: Sequence[Series], interval: float) -> tuple[Interval, ...]:
    """Stable's counts in steps of one check; the grid lies the same for all pods."""
    if not series:
        return ()
    begin = min(item.samples[0][0] for item in series) // interval * interval
    marks = (Mark(at=begin, until=begin, weight=0),)
    return IntervalLog(interval, marks).extend(series).intervals
