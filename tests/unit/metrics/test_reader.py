"""Several Prometheus servers at once: one that hangs stalls none but its own releases."""

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from headgate.api.status import Mark
from headgate.metrics.endpoint import Endpoint
from headgate.metrics.reader import MetricsReader
from headgate.metrics.watch import Watch
from headgate.release.observation import Metrics
from headgate.routing.meter import Matcher, Meter

ROOT = Path(__file__).resolve().parents[3]
Open = Callable[..., MetricsReader]
EMPTY = '{"status": "success", "data": {"resultType": "matrix", "result": []}}'


def send(handler: BaseHTTPRequestHandler, body: str) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body.encode())


def watch(name: str, prometheus: str = "default", **more: Any) -> Watch:
    stable, candidate = (
        Meter("requests_total", "code", "seconds", (Matcher("service", "=", service),))
        for service in (name, f"{name}-canary")
    )
    fields: dict[str, Any] = {"since": 1000.0, "marks": (), "interval": 2.0}
    return Watch(("prod", name), prometheus, stable, candidate, **fields | more)


@pytest_asyncio.fixture
async def opened() -> AsyncIterator[Open]:
    """Opens readers and closes them."""
    readers = []

    def start(patience: float = 0.3, **urls: str) -> MetricsReader:
        endpoints = {name: Endpoint(url=url, timeout="5s") for name, url in urls.items()}
        readers.append(MetricsReader(endpoints, patience=patience))
        return readers[-1]

    yield start
    for reader in readers:
        reader.close()


async def test_a_server_that_hangs_does_not_stall_the_others(serve: Any, opened: Open) -> None:
    done = threading.Event()
    hanging, well = serve(lambda _: done.wait(20) and None), serve(lambda handler: send(handler, EMPTY))
    reader = opened(default=well.url, other=hanging.url)

    found = await reader.read([watch("shop"), watch("cart", "other")], 1010.0)
    again = await reader.read([watch("shop"), watch("cart", "other")], 1030.0)
    done.set()

    assert "has no series" in found["prod", "shop"].problem
    assert "has no series" in again["prod", "shop"].problem
    assert found["prod", "cart"].problem == f"Prometheus other ({hanging.url}) has not answered for 1s"
    assert again["prod", "cart"].problem == f"Prometheus other ({hanging.url}) has not answered for 20s"
    assert again["prod", "cart"].since == 1010.0
    assert reader.queries == {"default": 2, "other": 1}


_ENDING = """
import asyncio, sys
from headgate.metrics.endpoint import Endpoint
from headgate.metrics.reader import MetricsReader
from tests.unit.metrics.test_reader import watch

async def main():
    reader = MetricsReader({"default": Endpoint(url=sys.argv[1], timeout="24h")}, patience=0.3)
    await reader.read([watch("shop")], 1010.0)
    reader.close()

asyncio.run(main())
"""


def test_a_process_that_ends_does_not_wait_for_a_server_that_hangs(serve: Any) -> None:
    """Else the kubelet would kill an operator that was asked to end."""
    asked, done = threading.Event(), threading.Event()

    def hang(_: BaseHTTPRequestHandler) -> None:
        asked.set()
        done.wait(600)

    hanging = serve(hang)
    command = [sys.executable, "-c", _ENDING, hanging.url]
    try:
        subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": f"operator:{ROOT}"}, check=True, timeout=20)
    finally:
        done.set()
    assert asked.is_set()


async def test_the_answer_of_a_slow_server_is_used_by_the_next_read(serve: Any, opened: Open) -> None:
    go, answered = threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        go.wait(20)
        send(handler, EMPTY)

    reader = opened(default=serve(answer).url)
    first = await reader.read([watch("shop")], 1010.0)
    assert "has not answered" in first["prod", "shop"].problem

    go.set()
    running = reader._desks["default"].running  # noqa: SLF001 (when the slow answer is in)
    assert running is not None
    running.add_done_callback(lambda _: loop.call_soon(answered.set))
    await answered.wait()

    assert "has no series" in (await reader.read([watch("shop")], 1012.0))["prod", "shop"].problem


async def test_a_name_that_is_not_configured_is_said(opened: Open) -> None:
    reader = opened(default="http://127.0.0.1:1", europe="http://127.0.0.1:1")

    found = await reader.read([watch("shop", "asia")], 1010.0)

    assert found["prod", "shop"].problem == (
        "there is no Prometheus named asia in the operator's configuration (it has: default, europe):"
        " set spec.analysis.prometheus to one of these"
    )


async def test_an_outage_is_told_from_its_beginning_and_ends(serve: Any, opened: Open) -> None:
    down = [True]
    sample = (
        '{"data": {"result": [{"metric": {"__name__": "requests_total", "service": "shop", "code": "200"},'
        ' "values": [[1000, "1"], [1019, "2"]]}]}}'
    )
    server = serve(lambda handler: handler.send_error(500) if down[0] else send(handler, sample))
    reader = opened(default=server.url)

    problems = []
    for now in (1010.0, 1015.0):
        found = (await reader.read([watch("shop")], now))["prod", "shop"]
        problems.append((found.problem, found.since))
    down[0] = False
    after = (await reader.read([watch("shop")], 1020.0))["prod", "shop"]

    sentence = f"Prometheus default ({server.url}) answers with an error (500)"
    assert problems == [(sentence, 1010.0), (sentence, 1010.0)]
    assert (after.problem, after.since) == ("", None)


async def test_what_a_release_left_behind_is_dropped(serve: Any, opened: Open) -> None:
    reader = opened(default=serve(lambda handler: send(handler, EMPTY)).url)
    await reader.read([watch("shop")], 1010.0)

    reader.forget(("prod", "shop"))

    desk = reader._desks["default"]  # noqa: SLF001 (what is kept)
    await asyncio.wrap_future(desk.thread.submit(lambda: None))
    assert desk.source.metrics(watch("shop")) is None


async def test_names_of_metrics_that_no_release_uses_any_more_are_forgotten(serve: Any, opened: Open) -> None:
    """They come from specs, and an operator lives for months."""
    reader = opened(default=serve(lambda handler: send(handler, EMPTY)).url)
    for number in range(5):
        meter = Meter(f"requests_{number}", "code", "seconds", (Matcher("service", "=", "shop"),))
        await reader.read([replace(watch("shop"), stable=meter, candidate=meter)], 1010.0 + number)
        reader.forget(("prod", "shop"))

    desk = reader._desks["default"]  # noqa: SLF001 (what is kept)
    await asyncio.wrap_future(desk.thread.submit(lambda: None))
    assert len(desk.source._sorters) == 0  # noqa: SLF001 (as above)


async def test_nothing_to_read_asks_nobody(opened: Open) -> None:
    reader = opened(default="http://127.0.0.1:1")

    assert await reader.read([], 1010.0) == {}
    assert reader.queries == {"default": 0}


@pytest.fixture
def live(target: Any, run_prometheus: Any) -> str:
    """The address of a Prometheus that scrapes the target every second."""
    target.lines['requests_total{service="shop",code="200"}'] = 0.0
    url: str = run_prometheus(target=target.url)
    return url


async def test_live_counters_arrive_within_seconds(live: str, target: Any, opened: Open) -> None:
    """A new error series and steady traffic through real scrapes of one second, on a machine that is busy."""
    reader = opened(default=live, patience=5.0)

    async def scraped() -> None:
        await asyncio.get_running_loop().run_in_executor(None, _wait_for_scrape, target)
        target.lines['requests_total{service="shop",code="200"}'] += 50

    for _ in range(3):
        await scraped()
    begin = time.time()
    item = watch("shop", since=begin, marks=(Mark(at=begin, until=begin, weight=10, step=1),))
    found, errors = Metrics(), 0.0
    for number in range(1, 16):
        await scraped()
        target.lines['requests_total{service="shop-canary",code="200"}'] = 20.0 * number
        target.lines['requests_total{service="shop-canary",code="500"}'] = 3.0 * number
        found = (await reader.read([item], time.time()))["prod", "shop"]
        errors = sum(interval.candidate.errors for interval in found.intervals)
        if errors >= 6:
            break

    assert errors >= 6, found
    assert found.problem == ""
    assert errors % 3 == 0
    assert {interval.stable.requests for interval in found.intervals} <= {50.0, 100.0, 150.0}


HISTOGRAM = {
    "# TYPE requests_total": "counter",
    'requests_total{service="shop",code="200"}': 5.0,
    "# TYPE seconds": "histogram",
    'seconds_bucket{service="shop",le="0.1"}': 3.0,
    'seconds_bucket{service="shop",le="+Inf"}': 5.0,
    'seconds_sum{service="shop"}': 1.5,
    'seconds_count{service="shop"}': 5.0,
}
NATIVE = "convert_classic_histograms_to_nhcb: true"
REFUSED = "seconds is a native histogram that has no bucket at a bound: let Prometheus scrape its classic buckets too"


@pytest.mark.parametrize(
    ("scrape", "problems"),
    [
        (NATIVE, {"latency": REFUSED}),
        (f"{NATIVE}, always_scrape_classic_histograms: true", {}),
    ],
    ids=["alone", "with its classic buckets"],
)
async def test_a_native_histogram_is_read_by_its_classic_buckets(
    scrape: str, problems: dict[str, str], target: Any, run_prometheus: Any, opened: Open
) -> None:
    target.lines |= HISTOGRAM
    reader = opened(default=run_prometheus(target=target.url, scrape=scrape), patience=5.0)
    for _ in range(3):
        await asyncio.get_running_loop().run_in_executor(None, _wait_for_scrape, target)

    now = time.time()
    found = (await reader.read([watch("shop", since=now, latency=0.1)], now))["prod", "shop"]

    assert (found.problem, found.problems) == ("", problems)


def _wait_for_scrape(target: Any) -> None:
    with target.scraped:
        assert target.scraped.wait(10), "Prometheus does not scrape"
