"""The recorded series of one service over a long time, read for planning and for replay.

The same selector and the same sorting as for live releases, an hour or two at a time so that no answer is huge.
"""

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from headgate.analysis.progress import Said, unheard
from headgate.analysis.samples import Arm, Kind, Series
from headgate.api.fields import format_duration
from headgate.metrics.batch import Share, Sorter, bounds_query, family_of, selector
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


def read_history(
    prometheus: Prometheus,
    watch: Watch,
    begin: float,
    end: float,
    said: Said = unheard,
) -> History:
    """What Prometheus recorded for a watch between two moments. Raises PrometheusError."""
    family = family_of(watch)
    sorter = Sorter(family, [watch], prometheus.endpoint.replica_labels)
    samples: dict[_Key, list[tuple[float, float]]] = defaultdict(list)
    known: dict[_Key, tuple[str, Series]] = {}
    unpaired = native = False
    parts = list(_parts(begin, end))
    for done, (since, until) in enumerate(parts, 1):
        span = math.ceil(until - since + OVERLAP)
        result = prometheus.query(f"{selector(family, [watch])}[{span}s]", until)
        try:
            share = sorter.sort(result)[watch.key]
            native |= share.native
            for group, part in _by_group(share).items():
                found = sorter.series(part)
                unpaired |= found.unpaired
                for one in found.series:
                    key = (one.identity, one.arm, one.kind, one.replica)
                    known.setdefault(key, (group, one))
                    last = samples[key][-1][0] if samples[key] else -math.inf
                    samples[key] += [sample for sample in one.samples if sample[0] > last]
        except (AttributeError, KeyError, TypeError, ValueError):
            raise PrometheusError(f"{prometheus.title} {NOT_PROMETHEUS}") from None
        said(done, len(parts))
    series, groups = [], defaultdict(list)
    for key, (group, one) in known.items():
        whole = replace(one, samples=tuple(samples[key]))
        series.append(whole)
        if one.arm == "stable":
            groups[group].append(whole)
    problem = _latency_problem(prometheus, watch, sorter, end, unpaired=unpaired, native=native)
    return History(tuple(series), {name: tuple(group) for name, group in groups.items()}, problem)


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


def _latency_problem(
    prometheus: Prometheus, watch: Watch, sorter: Sorter, end: float, *, unpaired: bool, native: bool
) -> str:
    """Why the histograms have nothing to say about the latency bound."""
    if watch.latency is None or not (unpaired or native):
        return ""
    durations = watch.candidate.durations
    if native and not unpaired:
        return f"{durations} is a native histogram: let Prometheus scrape its classic buckets too"
    bounds = sorter.bounds(prometheus.query(bounds_query(family_of(watch), [watch]), end)).get(watch.key, ())
    there = ", ".join(format_duration(bound) for bound in bounds) or "unknown"
    return (
        f"{durations} has no bucket at {format_duration(watch.latency)}:"
        f" set spec.analysis.latency.below to one of its bounds ({there})"
    )
