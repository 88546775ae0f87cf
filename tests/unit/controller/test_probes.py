"""/livez, /readyz and /metrics over HTTP."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import pytest

from headgate.controller.probes import Heartbeat, Probes


@dataclass
class State:
    lag: float = 0.0
    stalled: float = 0.0
    ready: bool = False
    url: str = ""

    async def get(self, path: str) -> tuple[int, str]:
        async with aiohttp.ClientSession() as session, session.get(self.url + path) as response:
            return response.status, await response.text()


class Beat(Heartbeat):
    def __init__(self, state: State) -> None:
        super().__init__()
        self._state = state

    def lag(self) -> float:
        return self._state.lag


@pytest.fixture
async def state() -> AsyncIterator[State]:
    state = State()

    async def metrics() -> bytes:
        return b"headgate_leader 1.0\n"

    probes = Probes(metrics, Beat(state), stalled=lambda: state.stalled, ready=lambda: state.ready)
    runner = await probes.listen(0)
    state.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield state
    await runner.cleanup()


async def test_ready_once_the_first_lists_are_complete(state: State) -> None:
    assert await state.get("/readyz") == (503, "the first lists are not complete\n")
    state.ready = True
    assert await state.get("/readyz") == (200, "ok\n")


async def test_alive_while_the_loop_turns_and_releases_get_their_turn(state: State) -> None:
    assert await state.get("/livez") == (200, "ok\n")
    state.stalled = 181
    assert await state.get("/livez") == (
        500,
        "the event loop is 0 s late, no release was looked at for 181 s\n",
    )
    state.stalled, state.lag = 0, 90
    assert (await state.get("/livez"))[0] == 500


async def test_metrics_are_served_as_prometheus_reads_them(state: State) -> None:
    assert await state.get("/metrics") == (200, "headgate_leader 1.0\n")


async def test_the_end_does_not_wait_for_an_answer_that_is_stuck() -> None:
    asked = asyncio.Event()

    async def stuck() -> bytes:
        asked.set()
        await asyncio.Event().wait()
        return b""

    probes = Probes(stuck, Heartbeat(), stalled=lambda: 0.0, ready=lambda: True)
    runner = await probes.listen(0)
    state = State(url=f"http://127.0.0.1:{runner.addresses[0][1]}")
    asking = asyncio.create_task(state.get("/metrics"))
    await asked.wait()
    async with asyncio.timeout(10):
        await runner.cleanup()
    asking.cancel()


async def test_a_heartbeat_that_is_kept_has_no_lag() -> None:
    heartbeat = Heartbeat()
    beating = asyncio.create_task(heartbeat.beat())
    await asyncio.sleep(0)
    assert heartbeat.lag() == 0.0
    beating.cancel()
