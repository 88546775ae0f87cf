"""What Prometheus recorded of a release's service, read for a command, and the traffic that this shows."""

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median

from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from headgate.analysis.backtest import Recording, recording_of
from headgate.analysis.forecast import HOUR, Traffic
from headgate.analysis.progress import Said
from headgate.api.fields import format_moment
from headgate.cli.metering import Metering, meterings
from headgate.cli.subject import Subject, UsageError
from headgate.metrics.endpoint import Endpoint
from headgate.metrics.history import History, read_history
from headgate.metrics.prometheus import Prometheus

TIMEOUT = "60s"
_LEAST_OF_AN_HOUR = 0.5


@dataclass(frozen=True)
class Reading:
    """The recorded series of a service."""

    subject: Subject
    metering: Metering
    history: History
    begin: float
    end: float

    @property
    def recording(self) -> Recording:
        """Stable's counts, by pod or proxy."""
        return recording_of(self.history.groups, self.subject.spec.analysis.interval, pods=self.metering.pods)


@dataclass(frozen=True)
class Hours:
    """The requests a second of each hour that was recorded for the most part."""

    rates: tuple[float, ...]

    @property
    def quietest(self) -> float:
        return min(self.rates, default=0.0)

    @property
    def busiest(self) -> float:
        return max(self.rates, default=0.0)


def prometheus_of(given: argparse.Namespace) -> Prometheus:
    """The Prometheus that the options name. Raises UsageError."""
    headers = dict(header.split("=", 1) for header in given.header if "=" in header)
    if len(headers) < len(given.header):
        raise UsageError("--header must be like X-Scope-OrgID=shop")
    try:
        endpoint = Endpoint.model_validate(
            {
                "url": given.prometheus,
                "headers": headers,
                "bearerTokenFile": given.token_file,
                "caFile": given.ca_file,
                "timeout": TIMEOUT,
            }
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]["msg"]
        raise UsageError(f"--prometheus: {first.removeprefix('Value error, ')}") from None
    return Prometheus("given by --prometheus", endpoint)


def read(prometheus: Prometheus, subject: Subject, begin: float, end: float, proxy: str | None) -> Reading:
    """The recorded series, by the first way of counting that has any. Raises UsageError and PrometheusError."""
    ways = list(meterings(subject, proxy))
    for metering in ways:
        with progress(f"reading {metering.name}'s series") as said:
            history = read_history(prometheus, metering.watch(subject, end), begin, end, said)
        if history.groups:
            return Reading(subject, metering, history, begin, end)
    wanted = " and no ".join(
        f"{way.stable.requests}{{" + ", ".join(f'{one.label}{one.op}"{one.value}"' for one in way.past.matchers) + "}"
        for way in ways
    )
    raise UsageError(
        f"{prometheus.title} has no {wanted} in that time:"
        " check namespace, traffic and target of the release, and that the proxy or the pods are scraped"
    )


def traffic_of(reading: Reading) -> tuple[Traffic, Hours]:
    """The mean traffic, its rates, and the dispersion that a release would see; and how much the hours differ."""
    recording = reading.recording
    if not recording.starts:
        raise UsageError("there are too few samples in that time: read a longer one, or give --rps and --errors")
    seconds = len(recording.starts) * recording.length
    total = recording.baseline_of(recording.starts)
    ends = [recording.starts[0] + HOUR * (number + 1) for number in range(round(seconds / HOUR) or 1)]
    known = [recording.baseline(end) for end in ends]
    counts = total.counts
    latency = reading.subject.spec.analysis.latency is not None and counts.timed > 0
    traffic = Traffic(
        rps=counts.requests / seconds,
        errors=counts.errors / counts.requests if counts.requests else 0.0,
        slow=counts.slow / counts.timed if latency else None,
        errors_phi=median(one.errors for one in known),
        slow_phi=median(one.slow for one in known),
        aligned=not reading.metering.pods,
    )
    return traffic, Hours(tuple(_hourly(recording)))


def _hourly(recording: Recording) -> Iterator[float]:
    first, last = recording.starts[0], recording.starts[-1]
    while first < last:
        cells = recording.between(first, first + HOUR)
        seconds = len(cells) * recording.length
        if seconds >= _LEAST_OF_AN_HOUR * HOUR:
            yield sum(recording.total[start].requests for start in cells) / seconds
        first += HOUR


def moment_of(given: tuple[str, float]) -> float:
    """The moment that an option names, in seconds since the epoch. Raises UsageError for one to come."""
    kind, value = given
    now = time.time()
    if kind == "at" and value > now:
        raise UsageError(f"{format_moment(value)} lies in the future: nothing was recorded then")
    return now - value if kind == "ago" else value


@contextmanager
def progress(title: str) -> Iterator[Said]:
    """A bar on a terminal's standard error; the value is to be told how much is done, of how much."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
