"""All releases that one Prometheus serves: what was read of each, and the next read of all together."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from headgate.analysis.dispersion import Baseline, baseline_of
from headgate.analysis.interval_log import IntervalLog
from headgate.api.fields import format_duration
from headgate.metrics.batch import (
    Family,
    Sorted,
    Sorter,
    bounds_query,
    chunks,
    family_of,
    no_bucket,
    no_classic_buckets,
    no_status,
    selector,
)
from headgate.metrics.endpoint import Endpoint
from headgate.metrics.prometheus import NOT_PROMETHEUS, Prometheus, PrometheusError
from headgate.metrics.questions import Answer, Questions
from headgate.metrics.watch import Key, Watch
from headgate.release.observation import Metrics

LOOK_BACK = 3600.0
"""Seconds before the release that are read too: for stable's dispersion, and to know which series are older than it."""
OVERLAP = 60.0
"""Seconds that are read twice: a sample may arrive later than others of its moment."""
_LONGEST_ABSENCE = 600.0
"""A release that was not read for so long is read from its beginning, by itself."""
_MOST_BEGINNINGS = 250
"""Releases that are read from their beginning in one query: an hour of so many takes about 40 MiB for a moment."""
_STALE_CHECKS = 3.0
_STALE_SCRAPES = 2.5


@dataclass
class _Memory:
    """What is known of one release."""

    watch: Watch
    log: IntervalLog
    baseline: Baseline
    read: float
    problem: str = ""
    problem_since: float | None = None
    asked: float = -math.inf
    latency_problem: str = ""
    answers: dict[str, Answer] = field(default_factory=dict)


class Source:
    """One Prometheus and what was read from it. Works in one thread at a time."""

    def __init__(self, name: str, endpoint: Endpoint) -> None:
        self.prometheus = Prometheus(name, endpoint)
        self._questions = Questions(self.prometheus)
        self._memories: dict[Key, _Memory] = {}
        self._sorters: dict[Family, tuple[object, Sorter]] = {}

    def refresh(self, watches: Sequence[Watch], now: float) -> None:
        """Reads what is new of these releases: one query for each family, one for those that begin, one for queries."""
        groups: dict[tuple[Family, bool], list[Watch]] = defaultdict(list)
        for watch in watches:
            groups[family_of(watch), self._continues(watch, now)].append(watch)
        try:
            for (family, continued), group in groups.items():
                most = math.inf if continued else _MOST_BEGINNINGS
                for part in chunks(family, group, self.prometheus.endpoint.query_bytes, most):
                    self._read(family, part, now, continued=continued)
            self._ask([watch for watch in watches if watch.queries], now)
        except PrometheusError as error:
            # The server is not there: it would be in vain, and slow, to ask for the others.
            self._blame((watch for watch in watches if not self._is_read(watch, now)), str(error), now)

    def metrics(self, watch: Watch) -> Metrics | None:
        """What is known of a release now; None when it was never read."""
        memory = self._memories.get(watch.key)
        if memory is None:
            return None
        numbers = {name: _number(memory.answers.get(text)) for name, text in watch.queries}
        problems = {name: answer for name, text in watch.queries if isinstance(answer := memory.answers.get(text), str)}
        if memory.latency_problem:
            problems["latency"] = memory.latency_problem
        return Metrics(
            intervals=memory.log.intervals,
            queries=numbers,
            problem=memory.problem,
            since=memory.problem_since,
            problems=problems,
            baseline=memory.baseline,
        )

    def forget(self, key: Key) -> None:
        """Drops what was read of a release, and what it alone needed."""
        self._memories.pop(key, None)
        used = {family_of(memory.watch) for memory in self._memories.values()}
        self._sorters = {family: sorter for family, sorter in self._sorters.items() if family in used}

    def _continues(self, watch: Watch, now: float) -> bool:
        """Whether the next read goes on from the last one; the log then knows the release's newest marks."""
        memory = self._memories.get(watch.key)
        # A wall clock that was put back makes the last read one of the future.
        if memory is None or _begun(memory.watch) != _begun(watch) or not 0 <= now - memory.read <= _LONGEST_ABSENCE:
            return False
        log = memory.log.marked(watch.marks)
        if log is None:
            return False
        memory.log, memory.watch = log, watch
        return True

    def _is_read(self, watch: Watch, now: float) -> bool:
        memory = self._memories.get(watch.key)
        return memory is not None and memory.read == now and memory.asked == now

    def _read(self, family: Family, watches: Sequence[Watch], now: float, *, continued: bool) -> None:
        """One query for releases of one family. When it is rejected, each half is asked for by itself."""
        if continued:
            begin = min(self._memories[watch.key].read for watch in watches) - OVERLAP
        else:
            begin = min(watch.since for watch in watches) - LOOK_BACK
        sorter = self._sorter(family, watches)
        try:
            result = self.prometheus.query(f"{selector(family, watches)}[{math.ceil(now - begin)}s]", now)
        except PrometheusError as error:
            if not error.rejected:
                raise
            self._read_halves(family, watches, now, str(error), continued=continued)
            return
        unpaired = []
        try:
            shares = sorter.sort(result)
            del result
            for watch in watches:
                found = sorter.series(shares.pop(watch.key))
                self._fold(watch, found, now, continued=continued)
                if found.unpaired:
                    unpaired.append(watch)
        except (AttributeError, KeyError, TypeError, ValueError):
            raise PrometheusError(f"{self.prometheus.title} {NOT_PROMETHEUS}") from None
        self._explain_missing_buckets(family, unpaired, sorter, now)

    def _read_halves(
        self, family: Family, watches: Sequence[Watch], now: float, error: str, *, continued: bool
    ) -> None:
        if len(watches) == 1:
            self._blame(watches, error, now)
            return
        middle = len(watches) // 2
        for half in (watches[:middle], watches[middle:]):
            self._read(family, half, now, continued=continued)

    def _fold(self, watch: Watch, found: Sorted, now: float, *, continued: bool) -> None:
        """Adds the samples to what is known of a release."""
        if not continued:
            baseline = baseline_of(found.series, since=watch.since, interval=watch.interval)
            before = self._memories.get(watch.key)
            since = before.problem_since if before else None
            self._memories[watch.key] = _Memory(watch, _empty_log(watch), baseline, now, problem_since=since)
        memory = self._memories[watch.key]
        memory.log = memory.log.extend(found.series)
        memory.read = now
        if not watch.queries:
            memory.asked = now
        if found.native:
            memory.latency_problem = no_classic_buckets(watch)
        elif not found.unpaired:
            memory.latency_problem = ""
        problem = no_status(watch) if found.silent else self._staleness(memory, now)
        if problem:
            self._blame([watch], problem, now)
        else:
            memory.problem, memory.problem_since = "", None

    def _staleness(self, memory: _Memory, now: float) -> str:
        """Why the samples are not fresh; empty when they are."""
        log, meter = memory.log, memory.watch.candidate
        age = now - log.newest
        if math.isinf(age):
            wanted = ", ".join(f'{one.label}{one.op}"{one.value}"' for one in memory.watch.stable.matchers)
            return (
                f"{self.prometheus.title} has no series {meter.requests}{{{wanted}}}:"
                " is it scraped, and did the service have a request in the last hour?"
            )
        if age > max(_STALE_CHECKS * memory.watch.interval, _STALE_SCRAPES * log.spacing):
            seconds = format_duration(round(age))
            return f"{self.prometheus.title} has no sample of {meter.requests} since {seconds}: is it still scraped?"
        return ""

    def _explain_missing_buckets(self, family: Family, watches: Sequence[Watch], sorter: Sorter, now: float) -> None:
        """Says which bounds there are instead, of the releases that do not know it yet."""
        watches = [watch for watch in watches if not self._memories[watch.key].latency_problem]
        if not watches:
            return
        try:
            bounds = sorter.bounds(self.prometheus.query(bounds_query(family, watches), now))
        except PrometheusError as error:
            if not error.rejected:
                raise
            bounds = {}
        for watch in watches:
            self._memories[watch.key].latency_problem = no_bucket(watch, bounds.get(watch.key, ()))

    def _ask(self, watches: Sequence[Watch], now: float) -> None:
        """Asks the specs' queries."""
        texts = {text for watch in watches for _, text in watch.queries}
        if not texts:
            return
        try:
            answers = self._questions.answers(texts, now)
        except (AttributeError, KeyError, TypeError, ValueError):
            raise PrometheusError(f"{self.prometheus.title} {NOT_PROMETHEUS}") from None
        for watch in watches:
            memory = self._memories[watch.key]
            memory.answers = {text: answers[text] for _, text in watch.queries}
            memory.asked = now

    def _blame(self, watches: Iterable[Watch], problem: str, now: float) -> None:
        for watch in watches:
            memory = self._memories.get(watch.key)
            if memory is None:
                # -inf: the next read begins at the beginning.
                memory = self._memories[watch.key] = _Memory(watch, _empty_log(watch), Baseline(), read=-math.inf)
            memory.problem = problem
            memory.problem_since = now if memory.problem_since is None else memory.problem_since

    def _sorter(self, family: Family, watches: Sequence[Watch]) -> Sorter:
        """The sorter for these releases; the last one of a family is kept while its releases are the same."""
        these = tuple(_begun(watch) for watch in watches)
        known = self._sorters.get(family)
        if known is None or known[0] != these:
            known = these, Sorter(family, watches, self.prometheus.endpoint.replica_labels)
            self._sorters[family] = known
        return known[1]


def _begun(watch: Watch) -> tuple[object, ...]:
    """What a log depends on, besides its marks."""
    return watch.key, watch.stable, watch.candidate, watch.since, watch.interval, watch.latency


def _empty_log(watch: Watch) -> IntervalLog:
    return IntervalLog(watch.interval, watch.marks)


def _number(answer: Answer) -> float | None:
    return answer if isinstance(answer, float) else None
