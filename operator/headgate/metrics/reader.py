"""The asynchronous face of the room: `await reader.read(watches, now)`."""

import asyncio
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue

from headgate.api.fields import format_duration
from headgate.metrics.endpoint import Endpoint
from headgate.metrics.source import Source
from headgate.metrics.watch import Key, Watch
from headgate.release.observation import Metrics

PATIENCE = 2.0
"""Seconds that a read waits for a slow server; its answer is used by the next read."""


class _Thread:
    """Does one thing after the other. A process that ends does not wait for it, as it would for an executor's."""

    def __init__(self, name: str) -> None:
        self._queue: SimpleQueue[tuple[Callable[[], None], Future[None]] | None] = SimpleQueue()
        threading.Thread(target=self._serve, name=name, daemon=True).start()

    def submit(self, work: Callable[[], None]) -> "Future[None]":
        """Have something done; the future tells when it was."""
        future: Future[None] = Future()
        self._queue.put((work, future))
        return future

    def end(self) -> None:
        """End once all that was submitted is done."""
        self._queue.put(None)

    def _serve(self) -> None:
        while (task := self._queue.get()) is not None:
            work, future = task
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(work())
            except Exception as error:
                future.set_exception(error)


@dataclass
class _Desk:
    """One source with its own thread, so that a server that hangs stalls none but its own releases."""

    source: Source
    thread: _Thread
    running: asyncio.Future[None] | None = None
    asked: float = 0.0
    """When the running read began."""


class MetricsReader:
    """Reads all releases from all Prometheus servers of the configuration. Belongs to one event loop."""

    def __init__(self, endpoints: Mapping[str, Endpoint], *, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._desks = {
            name: _Desk(Source(name, endpoint), _Thread(f"prometheus-{name}")) for name, endpoint in endpoints.items()
        }

    @property
    def queries(self) -> dict[str, int]:
        """How many queries were sent to each server."""
        return {name: desk.source.prometheus.queries for name, desk in self._desks.items()}

    async def read(self, watches: Iterable[Watch], now: float) -> dict[Key, Metrics]:
        """What Prometheus says about each release at `now` (seconds since the epoch).

        Never raises for a server's sake: a release whose server does not answer has a `problem`. A server that is still
        busy with an earlier read is not asked again, and not waited for.
        """
        groups: dict[str, list[Watch]] = defaultdict(list)
        for watch in watches:
            groups[watch.prometheus].append(watch)
        begun = [self._begin(self._desks[name], group, now) for name, group in groups.items() if name in self._desks]
        fresh = [future for future in begun if future is not None]
        if fresh:
            await asyncio.wait(fresh, timeout=self._patience)
        for future in fresh:
            if future.done():
                future.result()
        return {watch.key: self._metrics(watch, now) for group in groups.values() for watch in group}

    def forget(self, key: Key) -> None:
        """Drops what was read of a release that has ended."""
        for desk in self._desks.values():
            # In the desk's own thread, for a read may be under way there.
            desk.thread.submit(partial(desk.source.forget, key))

    def close(self) -> None:
        """Ends the threads; a query that is under way is not waited for."""
        for desk in self._desks.values():
            desk.thread.end()
            desk.source.prometheus.close()

    def _begin(self, desk: _Desk, watches: Sequence[Watch], now: float) -> "asyncio.Future[None] | None":
        """The read that has begun, or None while an earlier one is running."""
        if desk.running is not None and not desk.running.done():
            return None
        desk.asked = now
        desk.running = asyncio.wrap_future(desk.thread.submit(partial(desk.source.refresh, watches, now)))
        return desk.running

    def _metrics(self, watch: Watch, now: float) -> Metrics:
        desk = self._desks.get(watch.prometheus)
        if desk is None:
            names = ", ".join(sorted(self._desks)) or "none"
            return Metrics(problem=_UNKNOWN_NAME.format(watch.prometheus, names), since=now)
        known = desk.source.metrics(watch)
        late = desk.running is not None and not desk.running.done()
        if late and (known is None or now - desk.asked > desk.source.prometheus.endpoint.timeout):
            waited = format_duration(max(1, round(now - desk.asked)))
            problem = f"{desk.source.prometheus.title} has not answered for {waited}"
            before = known or Metrics()
            return Metrics(before.intervals, {}, problem, before.since or desk.asked, {}, before.baseline)
        return known or Metrics(problem=f"{desk.source.prometheus.title} was not asked yet", since=now)


_UNKNOWN_NAME = (
    "there is no Prometheus named {0} in the operator's configuration (it has: {1}):"
    " set spec.analysis.prometheus to one of these"
)
