"""The recorded series of one service over a long time, read for planning and for replay.

The same selector and the same sorting as for live releases, an hour or two at a time so that no answer is huge.
"""

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from headgate.analysis.progress import Said, unheard
from headgate.analysis.samples import Arm, Kind, Series
from headgate.metrics.batch import (
    Share,
    Sorter,
    bounds_query,
    family_of,
    no_bucket,
    no_classic_buckets,
    selector,
)
from headgate.metrics.prometheus import NOT_PROMETHEUS, Prometheus, PrometheusError
from headgate.metrics.watch import Watch

PART = 7200.0
"""Seconds of one query."""
OVERLAP = 1.0
"""Seconds by which queries overlap, for whether a range holds its first moment differs between versions."""

_Key = tuple[str, Arm, Kind, str]


@dataclass(frozen=True)
class History:
    """What was recorded of a service."""

    series: tuple[Series, ...]
    """Of both versions."""
    groups: dict[str, tuple[Series, ...]]
    """Those of stable by the pod that counted, or by the scraped proxy where the series do not tell pods."""
    problem: str = ""
    """Why latency can't be judged; empty when it can, or is not asked for."""


def read_history(prometheus: Prometheus, watch: Watch, begin: float, end: float, said: Said = unheard) -> History:
    """What Prometheus recorded for a watch between two moments. Raises PrometheusError."""
    family = family_of(watch)
    sorter = Sorter(family, [watch], prometheus.endpoint.replica_labels)
    found, parts = _Found(), list(_parts(begin, end))
    for done, (since, until) in enumerate(parts, 1):
        span = math.ceil(until - since + OVERLAP)
        result = prometheus.query(f"{selector(family, [watch])}[{span}s]", until)
        try:
            found.add(sorter, sorter.sort(result)[watch.key])
        except (AttributeError, KeyError, TypeError, ValueError):
            raise PrometheusError(f"{prometheus.title} {NOT_PROMETHEUS}") from None
        said(done, len(parts))
    series, groups = found.whole()
    return History(series, groups, _latency_problem(prometheus, watch, sorter, end, found))


@dataclass
class _Found:
    """What the queries so far have brought."""

    unpaired: bool = False
    native: bool = False
    _first: dict[_Key, tuple[str, Series]] = field(default_factory=dict)
    """Each series with its group, as it was first met."""
    _samples: dict[_Key, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))

    def add(self, sorter: Sorter, share: Share) -> None:
        """Adds an answer; samples that an earlier one brought are passed over."""
        self.native |= share.native
        for group, part in _by_group(share).items():
            found = sorter.series(part)
            self.unpaired |= found.unpaired
            for one in found.series:
                key = (one.identity, one.arm, one.kind, one.replica)
                self._first.setdefault(key, (group, one))
                known = self._samples[key]
                last = known[-1][0] if known else -math.inf
                known += [sample for sample in one.samples if sample[0] > last]

    def whole(self) -> tuple[tuple[Series, ...], dict[str, tuple[Series, ...]]]:
        """All series, and those of stable by group."""
        groups: dict[str, list[Series]] = defaultdict(list)
        series = []
        for key, (group, one) in self._first.items():
            whole = replace(one, samples=tuple(self._samples[key]))
            series.append(whole)
            if one.arm == "stable":
                groups[group].append(whole)
        return tuple(series), {name: tuple(group) for name, group in groups.items()}


def _parts(begin: float, end: float) -> Iterator[tuple[float, float]]:
    while begin < end:
        yield begin, min(end, begin + PART)
        begin += PART


def _by_group(share: Share) -> dict[str, Share]:
    """The share of each pod, or of each scraped target."""
    groups: dict[str, Share] = {}
    for item, owner, kind in share.items:
        labels: dict[str, Any] = item["metric"]
        name = labels.get(owner.meter.pod_label or "instance", "")
        groups.setdefault(name, Share([], native=share.native)).items.append((item, owner, kind))
    return groups


def _latency_problem(prometheus: Prometheus, watch: Watch, sorter: Sorter, end: float, found: _Found) -> str:
    """Why the histograms have nothing to say about the latency bound."""
    if watch.latency is None or not (found.unpaired or found.native):
        return ""
    if found.native and not found.unpaired:
        return no_classic_buckets(watch)
    bounds = sorter.bounds(prometheus.query(bounds_query(family_of(watch), [watch]), end))
    return no_bucket(watch, bounds.get(watch.key, ()))
