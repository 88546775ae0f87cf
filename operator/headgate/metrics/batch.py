"""One query for many releases, and its answer sorted back to them.

Releases whose series have the same names form a family. Their query is a range selector over raw samples: the values of
the label that tells the releases apart are joined, labels that are the same for all of them are matched by the server,
every other label is matched here. Whatever the number of releases, a family costs one query.
"""

import math
import re
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, NamedTuple

from headgate.analysis.samples import Arm, Kind, Series
from headgate.api.fields import format_duration
from headgate.metrics.watch import Key, Watch
from headgate.routing.meter import Matcher, Meter


class Family(NamedTuple):
    """What the series of several releases have in common."""

    requests: str
    durations: str
    label: str


class Sorted(NamedTuple):
    """The series of one release in an answer."""

    series: list[Series]
    unpaired: bool
    """A histogram was timed, but has no bucket at the bound."""
    native: bool
    """The histogram has no classic buckets at all."""
    silent: bool = False
    """A version's counter has series, but none that tells a status."""


@dataclass(frozen=True)
class Owner:
    """The version of a release that series belong to."""

    key: Key
    arm: Arm
    meter: Meter
    bounds: frozenset[str]
    """How the latency bound may be written as a bucket's `le`."""


@dataclass
class Share:
    """What one release has in an answer: items of the API, whose they are, and what they count."""

    items: list[tuple[dict[str, Any], Owner, Kind]]
    native: bool
    silent: set[Arm] = field(default_factory=set)
    """Versions whose counter has series that tell no status."""


def compact(item: dict[str, Any]) -> dict[str, Any]:
    """An object of an answer, its samples packed as moment, value, moment, value: a tenth of the memory."""
    if "values" in item:
        item["values"] = array("d", (float(number) for pair in item["values"] for number in pair))
    return item


def family_of(watch: Watch) -> Family:
    """The family of a release: its two versions are counted by the same series."""
    meter = watch.candidate
    return Family(meter.requests, meter.durations, meter.matchers[0].label)


def selector(family: Family, watches: Iterable[Watch]) -> str:
    """The PromQL selector of all series of a family's releases."""
    watches = list(watches)
    names, bounds = [family.requests], {""}
    for watch in watches:
        bounds |= _written(watch)
    if len(bounds) > 1:
        names += [family.durations, f"{family.durations}_count", f"{family.durations}_bucket"]
    patterns = [("__name__", _one_of(names)), (family.label, _values(watches)), ("le", _one_of(sorted(bounds)))]
    matchers = [Matcher(label, "=~", pattern) for label, pattern in patterns] + _shared(watches)
    return "{" + ",".join(f'{one.label}{one.op}"{_quoted(one.value)}"' for one in matchers) + "}"


def bounds_query(family: Family, watches: Sequence[Watch]) -> str:
    """The PromQL for the bounds that the histograms of these releases have."""
    labels = sorted({matcher.label for watch in watches for matcher in watch.candidate.matchers})
    matchers = f'__name__="{family.durations}_bucket",{family.label}=~"{_quoted(_values(watches))}"'
    return f"group by (le,{','.join(labels)}) ({{{matchers}}})"


def no_status(watch: Watch) -> str:
    """Why a counter says nothing of failures."""
    meter = watch.candidate
    labels = " or ".join(filter(None, (meter.code_label, meter.grpc_label)))
    return (
        f"the series of {meter.requests} have no label {labels}, so that no failure could be seen:"
        " set spec.analysis.application.codeLabel to the one that has the status"
    )


def no_bucket(watch: Watch, bounds: Sequence[float]) -> str:
    """Why a histogram says nothing of the latency bound: it has buckets at these bounds, in seconds, and none there."""
    there = ", ".join(format_duration(bound) for bound in bounds) or "unknown"
    return (
        f"{watch.candidate.durations} has no bucket at {format_duration(watch.latency or 0.0)}:"
        f" set spec.analysis.latency.below to one of its bounds ({there})"
    )


def no_classic_buckets(watch: Watch) -> str:
    """Why a native histogram says nothing of the latency bound."""
    return (
        f"{watch.candidate.durations} is a native histogram that has no bucket at a bound:"
        " let Prometheus scrape its classic buckets too"
    )


def chunks(family: Family, watches: Sequence[Watch], longest: int, most: float) -> Iterator[Sequence[Watch]]:
    """The releases in parts of at most `most`, with queries of at most `longest` bytes; mostly one part."""
    if len(watches) > most or (len(watches) > 1 and len(selector(family, watches)) > longest):
        middle = len(watches) // 2
        yield from chunks(family, watches[:middle], longest, most)
        yield from chunks(family, watches[middle:], longest, most)
    else:
        yield watches


class Sorter:
    """Tells whose series is whose. What was found for a label's value is kept, for it comes again with each check."""

    def __init__(self, family: Family, watches: Sequence[Watch], replica_labels: Sequence[str]) -> None:
        self._family = family
        self._replica_labels = replica_labels
        self._exact: dict[str, list[Owner]] = defaultdict(list)
        self._patterns: list[tuple[Matcher, Owner]] = []
        self._found: dict[str, list[Owner]] = {}
        self._keys = [watch.key for watch in watches]
        for watch in watches:
            self._add(watch, "stable", watch.stable)
            self._add(watch, "candidate", watch.candidate)

    def sort(self, result: Iterable[dict[str, Any]]) -> dict[Key, Share]:
        """What each release has in the answer to its family's query."""
        found = {key: Share([], native=False) for key in self._keys}
        for item in result:
            labels: dict[str, str] = item["metric"]
            for owner in self._owners(labels):
                kind = self._kind(labels, owner)
                if labels["__name__"] == self._family.durations and "histograms" in item:
                    found[owner.key].native = True
                if kind is None and labels["__name__"] == self._family.requests:
                    found[owner.key].silent.add(owner.arm)
                if kind is not None and "values" in item:
                    found[owner.key].items.append((item, owner, kind))
        return found

    def series(self, share: Share) -> Sorted:
        """The series of one release: made one release at a time, for a first read holds an hour of each."""
        found = _paired([self._series(*item) for item in share.items], native=share.native)
        counted = {owner.arm for _, owner, kind in share.items if kind in {"served", "failed"}}
        return found._replace(silent=bool(share.silent - counted))

    def bounds(self, result: Iterable[dict[str, Any]]) -> dict[Key, list[float]]:
        """The bounds of each release's histograms in the answer to `bounds_query`."""
        found: dict[Key, set[float]] = defaultdict(set)
        for item in result:
            labels = item["metric"]
            for owner in self._owners(labels):
                found[owner.key].add(float(labels["le"]) * owner.meter.seconds_per_unit)
        return {key: sorted(bound for bound in bounds if math.isfinite(bound)) for key, bounds in found.items()}

    def _add(self, watch: Watch, arm: Arm, meter: Meter) -> None:
        owner = Owner(watch.key, arm, meter, frozenset(_written(watch)))
        first = meter.matchers[0]
        if first.op == "=":
            self._exact[first.value].append(owner)
        else:
            self._patterns.append((first, owner))

    def _owners(self, labels: dict[str, str]) -> list[Owner]:
        value = labels.get(self._family.label, "")
        if value not in self._found:
            matching = [owner for matcher, owner in self._patterns if matcher.accepts(labels)]
            self._found[value] = self._exact.get(value, []) + matching
        return [owner for owner in self._found[value] if all(one.accepts(labels) for one in owner.meter.matchers[1:])]

    def _kind(self, labels: dict[str, str], owner: Owner) -> Kind | None:
        name = labels["__name__"]
        if name == self._family.requests:
            return owner.meter.counts(labels)
        if not owner.bounds:
            return None
        if name == f"{self._family.durations}_count":
            return "timed"
        return "fast" if labels.get("le") in owner.bounds else None

    def _series(self, item: dict[str, Any], owner: Owner, kind: Kind) -> tuple[Series, str]:
        """The series, and what it has in common with the one it is paired with."""
        labels = item["metric"]
        own = sorted(
            pair for pair in labels.items() if pair[0] not in self._replica_labels and pair[0] not in {"__name__", "le"}
        )
        replica = ",".join(labels.get(label, "") for label in self._replica_labels)
        identity = blake2b(repr(own).encode(), digest_size=12).hexdigest()
        pod = labels.get(owner.meter.pod_label, "") if owner.meter.pod_label else ""
        values = item["values"]
        samples = tuple(zip(values[::2], values[1::2], strict=True))
        return Series(identity, owner.arm, kind, samples, replica.strip(","), pod), f"{identity} {replica}"


def _paired(found: list[tuple[Series, str]], *, native: bool) -> Sorted:
    """The series without counts that lack their bucket, and without buckets that lack their count.

    A count alone would make every request slow. Both are kept at the moments they share.
    """
    moments: dict[tuple[str, Arm, Kind], frozenset[float]] = {
        (twin, one.arm, one.kind): frozenset(at for at, _ in one.samples) for one, twin in found
    }
    kept, unpaired = [], False
    for one, twin in found:
        other: Kind | None = {"timed": "fast", "fast": "timed"}.get(one.kind)  # type: ignore[assignment]
        if other is None:
            kept.append(one)
            continue
        shared = moments.get((twin, one.arm, other), frozenset())
        unpaired |= one.kind == "timed" and not shared
        samples = tuple(sample for sample in one.samples if sample[0] in shared)
        if samples:
            kept.append(Series(one.identity, one.arm, one.kind, samples, one.replica, one.pod))
    return Sorted(kept, unpaired, native and not any(one.kind == "timed" for one, _ in found))


def _written(watch: Watch) -> set[str]:
    """The ways to write the latency bound as a bucket's `le`."""
    if watch.latency is None:
        return set()
    # Rounded: 0.3 s are 300 ms and not 299.99999999999994.
    bound = float(f"{watch.latency / watch.candidate.seconds_per_unit:.12g}")
    texts = f"{bound:g}", f"{bound:.12g}", f"{bound:.1f}", repr(bound)
    return {text for text in texts if float(text) == bound}


def _values(watches: Iterable[Watch]) -> str:
    first = {meter.matchers[0] for watch in watches for meter in (watch.stable, watch.candidate)}
    return "|".join(sorted(re.escape(one.value) if one.op == "=" else one.value for one in first))


def _shared(watches: Iterable[Watch]) -> list[Matcher]:
    """What all series of these releases have in common beside their family: the server need not send others."""
    sets = [set(meter.matchers[1:]) for watch in watches for meter in (watch.stable, watch.candidate)]
    return sorted(set.intersection(*sets), key=lambda one: (one.label, one.op, one.value))


def _one_of(words: Iterable[str]) -> str:
    return "|".join(re.escape(word) for word in words)


def _quoted(pattern: str) -> str:
    """A pattern as it stands between the quotes of a PromQL string."""
    return pattern.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
