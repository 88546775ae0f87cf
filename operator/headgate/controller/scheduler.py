"""When which release is looked at: one heap of deadlines, never two runs of one release at once."""

import asyncio
import heapq
import itertools
import logging
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

_log = logging.getLogger(__name__)

K = TypeVar("K", bound=Hashable)

# A timer may end a little early; waiting for the rest of it would be a busy loop.
_RESOLUTION = 0.001


class Scheduler(Generic[K]):
    """Runs `run(key)` when a key is due, on at most `workers` keys at once, the one due longest first.

    Times are those of the event loop's clock. A key has one deadline, the earliest it was given; a deadline given
    while the key runs means another run after this one. Deadlines may be given before `serve` is called.
    """

    def __init__(self, run: Callable[[K], Awaitable[None]], workers: int) -> None:
        self._run = run
        self._due: dict[K, float] = {}
        self._heap: list[tuple[float, int, K]] = []
        self._order = itertools.count()
        self._running: dict[K, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()
        self._free = asyncio.Semaphore(workers)
        self._last_end = float("-inf")

    def __len__(self) -> int:
        """How many keys have a deadline."""
        return len(self._due)

    def at(self, key: K, due: float) -> None:
        """Have the key run at a time; an earlier deadline that it has stays."""
        if due >= self._due.get(key, float("inf")):
            return
        self._due[key] = due
        if key not in self._running:
            self._push(key)

    def soon(self, key: K) -> None:
        """Have the key run as soon as a worker is free."""
        self.at(key, asyncio.get_running_loop().time())

    def lag(self) -> float:
        """For how many seconds the key that waits longest has been due."""
        now = asyncio.get_running_loop().time()
        waiting = (due for key, due in self._due.items() if key not in self._running)
        return max(0.0, now - min(waiting, default=now))

    def stalled(self) -> float:
        """For how many seconds no run has ended although a key is due. A long queue that moves is no stall."""
        return min(self.lag(), asyncio.get_running_loop().time() - self._last_end)

    async def serve(self) -> None:
        """Run keys as they come due, until cancelled. Runs that have begun go on: see `drain`."""
        self._last_end = asyncio.get_running_loop().time()
        while True:
            await self._free.acquire()
            try:
                key = await self._next()
            except BaseException:
                self._free.release()
                raise
            self._running[key] = asyncio.create_task(self._work(key), name=f"run {key}")

    async def drain(self, seconds: float) -> None:
        """Wait for the runs that have begun, at most so long; what is not done by then is cancelled."""
        running = set(self._running.values())
        if running:
            _, late = await asyncio.wait(running, timeout=seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _next(self) -> K:
        """The key that has been due longest, once there is one."""
        clock = asyncio.get_running_loop().time
        while True:
            self._changed.clear()
            due = self._earliest()
            if due is not None and due <= clock() + _RESOLUTION:
                _, _, key = heapq.heappop(self._heap)
                del self._due[key]
                return key
            try:
                async with asyncio.timeout_at(due):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def _earliest(self) -> float | None:
        """The first deadline; entries that were overtaken by an earlier one are thrown away here."""
        while self._heap:
            due, _, key = self._heap[0]
            if self._due.get(key) == due and key not in self._running:
                return due
            heapq.heappop(self._heap)
        return None

    def _push(self, key: K) -> None:
        heapq.heappush(self._heap, (self._due[key], next(self._order), key))
        self._changed.set()

    async def _work(self, key: K) -> None:
        try:
            await self._run(key)
        except Exception:
            _log.exception("the run of %s failed", key)
        finally:
            del self._running[key]
            self._last_end = asyncio.get_running_loop().time()
            self._free.release()
            if key in self._due:
                self._push(key)
