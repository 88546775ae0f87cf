"""What Headgate tells Prometheus about itself and about each release."""

import asyncio
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from headgate.api.status import Evidence, Phase, Status
from headgate.cluster.projection import Key

_PHASES: tuple[str, ...] = get_args(Phase)
_VERDICTS: tuple[str, ...] = get_args(Evidence.model_fields["verdict"].annotation)
_TICK_BUCKETS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)

GAUGES = {
    "headgate_leader": "1 while this replica leads, else 0.",
    "headgate_queue_depth": "Releases with a deadline.",
    "headgate_queue_lag_seconds": "How long the first release in line has waited beyond its deadline.",
    "headgate_events_dropped": "Kubernetes Events left out since the start, being more than a release may cause.",
}
"""What each gauge of the process tells."""


class Telemetry:
    """Counters of the process, and a gauge for each release that exists only while the release does."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._releases = _Releases()
        self._gauges: list[tuple[Gauge, Callable[[], float]]] = []
        self._requests = Counter(
            "headgate_api_requests",
            "Requests to the Kubernetes API server; code 0 where it did not answer.",
            ["verb", "resource", "code"],
            registry=self._registry,
        )
        self._ticks = Histogram(
            "headgate_tick_seconds",
            "Time of one look at one release, requests included.",
            buckets=_TICK_BUCKETS,
            registry=self._registry,
        )

    def count_request(self, verb: str, resource: str, status: int) -> None:
        self._requests.labels(verb, resource, str(status)).inc()

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Measure a tick."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self._ticks.observe(time.perf_counter() - began)

    def gauge(self, name: str, read: Callable[[], float]) -> None:
        """Add one of `GAUGES`, whose value is read before each scrape."""
        self._gauges.append((Gauge(name, GAUGES[name], registry=self._registry), read))

    async def text(self) -> bytes:
        """All metrics, as Prometheus scrapes them.

        Values are read here, in the event loop; the text of a thousand releases takes some tenths of a second and is
        made in a thread, so that no tick waits for it, and once for as long as nothing moves.
        """
        for gauge, read in self._gauges:
            gauge.set(read())
        return generate_latest(self._registry) + await self._releases.text()

    def metrics(self) -> Iterator[Metric]:
        """All metrics with their samples, those of releases first."""
        yield from self._releases.collect()
        yield from self._registry.collect()

    def show(self, key: Key, status: Status) -> None:
        """Have a release's gauges tell this status."""
        judged = [(item.objective, item.verdict, _number(item.e_value)) for item in status.evidence]
        reading = _Reading(
            status.phase, status.weights.stable, status.weights.candidate, tuple(judged if status.progress else ())
        )
        self._releases.show(key, reading)

    def forget(self, key: Key) -> None:
        """Remove a release's gauges."""
        self._releases.show(key, None)


class _Reading(NamedTuple):
    """What is told about one release; `judged` has each objective's name, verdict and odds."""

    phase: str
    stable: int
    candidate: int
    judged: tuple[tuple[str, str, float | None], ...]


class _Releases(Collector):
    """Gauges made when they are scraped: a thousand releases at rest cost no label sets in memory."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(self)
        self._readings: dict[Key, _Reading] = {}
        self._text: bytes | None = None
        self._changes = 0

    def show(self, key: Key, reading: _Reading | None) -> None:
        """Tell this of a release from now on; None: nothing."""
        if self._readings.get(key) == reading:
            return
        self._text = None
        self._changes += 1
        if reading is None:
            del self._readings[key]
        else:
            self._readings[key] = reading

    async def text(self) -> bytes:
        """The gauges of all releases, made anew where one of them has changed."""
        if self._text is not None:
            return self._text
        changes = self._changes
        made = await asyncio.to_thread(generate_latest, self._registry)
        if changes == self._changes:
            self._text = made
        return made

    def collect(self) -> Iterator[Metric]:
        names = ["namespace", "name"]
        weight = GaugeMetricFamily(
            "headgate_release_weight",
            "Share of the traffic that a version gets, in percent.",
            labels=[*names, "version"],
        )
        phase = GaugeMetricFamily(
            "headgate_release_phase", "1 for the phase the release is in, 0 for all others.", labels=[*names, "phase"]
        )
        verdict = GaugeMetricFamily(
            "headgate_release_verdict",
            "While a release moves: 1 for the verdict of an objective or query, 0 for all others.",
            labels=[*names, "objective", "verdict"],
        )
        evidence = GaugeMetricFamily(
            "headgate_release_evidence",
            "While a release moves: evidence that the candidate is bad, as odds against one.",
            labels=[*names, "objective"],
        )
        for key, reading in list(self._readings.items()):
            weight.add_metric([*key, "stable"], reading.stable)
            weight.add_metric([*key, "candidate"], reading.candidate)
            for name in _PHASES:
                phase.add_metric([*key, name], float(name == reading.phase))
            for objective, found, odds in reading.judged:
                for name in _VERDICTS:
                    verdict.add_metric([*key, objective, name], float(name == found))
                if odds is not None:
                    evidence.add_metric([*key, objective], odds)
        return iter((weight, phase, verdict, evidence))


def _number(odds: str | None) -> float | None:
    """The odds as a number: status writes them as `2,300`, `10^12` or `infinite`."""
    if not odds:
        return None
    mantissa, _, exponent = odds.replace(",", "").replace("infinite", "inf").partition("^")
    try:
        return math.pow(float(mantissa), float(exponent or 1))
    except OverflowError:
        return math.inf
    except ValueError:
        return None
