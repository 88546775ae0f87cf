"""When Prometheus is asked: all releases that share a source and are due in the same moment, in one read.

Checks of one interval fall on the same moments for all releases, so a thousand of them are one read. A read never
holds up a tick: its result waits here, and the release is woken. A source that hangs holds up only its own reads.
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, Protocol, TypeVar

from headgate.cluster.projection import Key
from headgate.release.observation import Metrics

_log = logging.getLogger(__name__)

_WINDOW = 0.05
_RESOLUTION = 0.001


class Watched(Protocol):
    """What is to be read for one release: at least by which Prometheus, and how often in seconds."""

    @property
    def prometheus(self) -> str: ...
    @property
    def interval(self) -> float: ...


W = TypeVar("W", bound=Watched)
W_contra = TypeVar("W_contra", bound=Watched, contravariant=True)


class Reader(Protocol[W_contra]):
    """The metrics room."""

    async def read(self, watches: Sequence[W_contra], now: float) -> Mapping[tuple[str, str], Metrics]:
        """The metrics of all given releases of one Prometheus, by namespace and name."""

    def forget(self, key: tuple[str, str]) -> None:
        """Drop what was read of a release: it moves no more."""


@dataclass
class _Subject(Generic[W]):
    """One release that is checked: what to read, when next, and what was read last."""

    watch: W
    due: float
    metrics: Metrics | None = None
    known: asyncio.Event = field(default_factory=asyncio.Event)


class Checks(Generic[W]):
    """Keeps the latest metrics of all releases that move."""

    def __init__(
        self,
        reader: Reader[W],
        wake: Callable[[Key], None],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._reader = reader
        self._wake = wake
        self._now = now
        self._subjects: dict[Key, _Subject[W]] = {}
        self._sources: dict[str, asyncio.Task[None]] = {}
        self._changed: dict[str, asyncio.Event] = {}

    def watch(self, key: Key, watch: W) -> None:
        """Check a release from now on as `watch` says; the first check is made at once."""
        subject = self._subjects.get(key)
        if subject is not None and subject.watch.prometheus == watch.prometheus:
            subject.watch = watch
            sooner = _next_check(watch.interval)
            if sooner < subject.due:
                subject.due = sooner
                self._changed[watch.prometheus].set()
            return
        self._subjects[key] = _Subject(watch, due=_clock())
        self._start(watch.prometheus)

    def forget(self, key: Key) -> None:
        """Check a release no more."""
        subject = self._subjects.pop(key, None)
        if subject is not None:
            self._reader.forget(key)
            self._changed[subject.watch.prometheus].set()

    async def latest(self, key: Key, patience: float) -> Metrics:
        """The last metrics of a release that is checked; waits so many seconds for the very first ones."""
        subject = self._subjects[key]
        try:
            async with asyncio.timeout(patience):
                await subject.known.wait()
        except TimeoutError:
            return Metrics(problem=f"Prometheus {subject.watch.prometheus} has not answered yet", since=self._now())
        return subject.metrics or Metrics()

    async def close(self) -> None:
        """Stop all reads."""
        tasks = list(self._sources.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, source: str) -> None:
        self._changed.setdefault(source, asyncio.Event()).set()
        if source not in self._sources:
            self._sources[source] = asyncio.create_task(self._serve(source), name=f"checks of {source}")

    async def _serve(self, source: str) -> None:
        """Read whatever is due from one source, until no release uses it."""
        try:
            while mine := self._of(source):
                changed = self._changed[source]
                changed.clear()
                first = min(subject.due for subject in mine.values())
                if first > _clock() + _RESOLUTION:
                    await _until(first, changed)
                    continue
                await asyncio.sleep(_WINDOW)
                await self._check(source)
        finally:
            del self._sources[source]

    def _of(self, source: str) -> dict[Key, _Subject[W]]:
        return {key: subject for key, subject in self._subjects.items() if subject.watch.prometheus == source}

    async def _check(self, source: str) -> None:
        """Read all releases that are due from a source, and wake them."""
        limit = _clock() + _WINDOW
        due = {key: subject for key, subject in self._of(source).items() if subject.due <= limit}
        for subject in due.values():
            subject.due = _next_check(subject.watch.interval)
        try:
            found = await self._reader.read([subject.watch for subject in due.values()], self._now())
        except Exception as error:
            _log.exception("metrics of %s could not be read", source)
            found = {key: self._blind(subject, f"metrics could not be read: {error}") for key, subject in due.items()}
        for key, subject in due.items():
            if key in found and self._subjects.get(key) is subject:
                subject.metrics = found[key]
                subject.known.set()
                self._wake(key)

    def _blind(self, subject: _Subject[W], problem: str) -> Metrics:
        """The last metrics with a problem, which keeps the moment when it began."""
        last = subject.metrics or Metrics()
        return replace(last, problem=problem, since=last.since if last.problem else self._now())


def _clock() -> float:
    return asyncio.get_running_loop().time()


def _next_check(interval: float) -> float:
    """The next moment at which all releases of this interval are checked."""
    return (math.floor(_clock() / interval) + 1) * interval


async def _until(moment: float, changed: asyncio.Event) -> None:
    """Wait until a moment of the loop's clock, or a change."""
    try:
        async with asyncio.timeout_at(moment):
            await changed.wait()
    except TimeoutError:
        return
