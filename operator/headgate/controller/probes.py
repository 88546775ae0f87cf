"""The HTTP server of the operator: /metrics for Prometheus, /livez and /readyz for the kubelet."""

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

_BEAT = 1.0
_LONGEST_LAG = 60.0
LONGEST_STALL = 180.0
"""Seconds without the end of a look: more than one takes whose every request is repeated until it times out."""
_LAST_ANSWERS = 1.0


class Heartbeat:
    """How late the event loop is: a loop that hangs cannot answer, one that crawls is told by this."""

    def __init__(self) -> None:
        self._last = _clock()

    async def beat(self) -> None:
        """Beat once a second, for ever."""
        while True:
            self._last = _clock()
            await asyncio.sleep(_BEAT)

    def lag(self) -> float:
        """Seconds by which the next beat is late."""
        return max(0.0, _clock() - self._last - _BEAT)


class Probes:
    """What the endpoints answer with.

    `stalled` tells for how many seconds releases that are due have not been looked at; `ready` whether all first lists
    are done, so that this replica can work as soon as it leads.
    """

    def __init__(
        self,
        metrics: Callable[[], Awaitable[bytes]],
        heartbeat: Heartbeat,
        stalled: Callable[[], float],
        ready: Callable[[], bool],
    ) -> None:
        self._metrics = metrics
        self._heartbeat = heartbeat
        self._stalled = stalled
        self._ready = ready

    async def metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=await self._metrics(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def livez(self, _: web.Request) -> web.Response:
        lag, stalled = self._heartbeat.lag(), self._stalled()
        if lag < _LONGEST_LAG and stalled < LONGEST_STALL:
            return web.Response(text="ok\n")
        text = f"the event loop is {lag:.0f} s late, no release was looked at for {stalled:.0f} s\n"
        return web.Response(status=500, text=text)

    async def readyz(self, _: web.Request) -> web.Response:
        if self._ready():
            return web.Response(text="ok\n")
        return web.Response(status=503, text="the first lists are not complete\n")

    async def listen(self, port: int) -> web.AppRunner:
        """Serve on all addresses until the returned runner is cleaned up; port 0 takes any free one of the loopback."""
        app = web.Application()
        app.add_routes(
            [web.get("/metrics", self.metrics), web.get("/livez", self.livez), web.get("/readyz", self.readyz)]
        )
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=_LAST_ANSWERS)
        await runner.setup()
        await web.TCPSite(runner, host=None if port else "127.0.0.1", port=port).start()
        return runner


def _clock() -> float:
    return asyncio.get_running_loop().time()
