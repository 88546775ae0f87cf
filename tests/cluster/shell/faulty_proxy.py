"""A proxy in front of the API server that fails on demand: refuses, hangs, answers errors, cuts what is open."""

import asyncio
import ssl
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Self, TypeVar

import aiohttp
from aiohttp import web

T = TypeVar("T")

Fault = Callable[[web.Request], web.Response | str | None]
"""What happens to a request: a response in the server's place, `cut` or `hang`, or nothing (None)."""

_HOP_BY_HOP = {"transfer-encoding", "connection", "content-length", "host"}


class FaultyProxy:
    """Plain HTTP on the loopback; runs in a thread of its own, so that a test may block."""

    def __init__(self, server: str, authority: str) -> None:
        self._server = server
        self._tls = ssl.create_default_context(cadata=authority)
        self._loop = asyncio.new_event_loop()
        self._open: set[asyncio.Task[Any]] = set()
        self.fault: Fault = lambda _: None
        self.url = ""
        self.seen: list[str] = []
        """Method and path with query of each request, those that failed included."""

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._loop.run_forever, name="faulty proxy")
        self._thread.start()
        self._do(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cut(self) -> None:
        """End all connections that are open now, watches included."""
        self._do(self._cut())

    def refuse_all(self) -> None:
        """Until further notice no request gets through, and what is open ends."""
        self.fault = lambda _: "cut"
        self.cut()

    def heal(self) -> None:
        self.fault = lambda _: None

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _start(self) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._tls, limit=0), auto_decompress=False
        )
        app = web.Application(client_max_size=2**24)
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def _stop(self) -> None:
        await self._cut()
        await self._runner.cleanup()
        await self._session.close()
        # The transports of TLS connections close in a later turn of the loop.
        await asyncio.sleep(0.2)

    async def _cut(self) -> None:
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(f"{request.method} {request.path_qs}")
        task = asyncio.create_task(self._answer(request))
        self._open.add(task)
        try:
            return await task
        except (asyncio.CancelledError, aiohttp.ClientError, OSError):
            if request.transport is not None:
                request.transport.abort()
            raise
        finally:
            self._open.discard(task)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        fault = self.fault(request)
        if isinstance(fault, web.Response):
            return fault
        if fault == "cut":
            raise ConnectionResetError("cut")
        if fault == "hang":
            await asyncio.sleep(3600)
        return await self._forward(request)

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        headers = {key: value for key, value in request.headers.items() if key.lower() not in _HOP_BY_HOP}
        body, url = await request.read() or None, self._server + request.path_qs
        async with self._session.request(
            request.method, url, headers=headers, data=body, timeout=aiohttp.ClientTimeout(total=None)
        ) as answer:
            kept = {key: value for key, value in answer.headers.items() if key.lower() not in _HOP_BY_HOP}
            response = web.StreamResponse(status=answer.status, headers=kept)
            await response.prepare(request)
            with suppress(ConnectionResetError):
                async for chunk in answer.content.iter_any():
                    await response.write(chunk)
                await response.write_eof()
            return response
