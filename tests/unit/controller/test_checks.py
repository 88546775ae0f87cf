"""One read for all releases of a source that are due, on a virtual clock."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from headgate.analysis.intervals import Counts, Interval
from headgate.cluster.projection import Key
from headgate.controller.checks import Checks
from headgate.release.observation import Metrics

pytestmark = pytest.mark.looptime

EPOCH = 1_000_000.0


@dataclass(frozen=True)
class Watch:
    key: Key
    prometheus: str = "default"
    interval: float = 15.0
    step: int = 1


@dataclass
class Prometheus:
    """Notes each read; `answers` maps a source to what is found, to an error, or to a time that it hangs."""

    reads: list[tuple[float, list[str]]] = field(default_factory=list)
    last: Sequence[Watch] = ()
    errors: dict[str, Exception] = field(default_factory=dict)
    hangs: dict[str, float] = field(default_factory=dict)
    forgotten: list[Key] = field(default_factory=list)

    async def read(self, watches: Sequence[Watch], now: float) -> dict[tuple[str, str], Metrics]:
        self.reads.append((asyncio.get_running_loop().time(), sorted(watch.key.name for watch in watches)))
        self.last = watches
        source = watches[0].prometheus
        assert {watch.prometheus for watch in watches} == {source}
        await asyncio.sleep(self.hangs.get(source, 0.0))
        if source in self.errors:
            raise self.errors[source]
        return {watch.key: Metrics((Interval(now - 15, now, Counts(), Counts()),)) for watch in watches}

    def forget(self, key: tuple[str, str]) -> None:
        self.forgotten.append(Key(*key))


@dataclass
class Woken:
    keys: list[tuple[float, str]] = field(default_factory=list)

    def __call__(self, key: Key) -> None:
        self.keys.append((asyncio.get_running_loop().time(), key.name))


@asynccontextmanager
async def checking(prometheus: Prometheus, woken: Woken) -> AsyncIterator[Checks[Watch]]:
    checks = Checks(prometheus, woken, now=lambda: EPOCH + asyncio.get_running_loop().time())
    yield checks
    await checks.close()


def key(name: str) -> Key:
    return Key("prod", name)


def watch(checks: Checks[Watch], name: str, **given: Any) -> None:
    checks.watch(key(name), Watch(key(name), **given))


async def test_the_first_check_is_at_once_and_the_others_fall_on_the_same_moments_for_all() -> None:
    """Given releases that begin at different times, then all later checks of an interval are one read."""
    prometheus, woken = Prometheus(), Woken()
    async with checking(prometheus, woken) as checks:
        for moment, name in ((1.0, "a"), (4.0, "b"), (9.0, "c")):
            await asyncio.sleep(moment - asyncio.get_running_loop().time())
            watch(checks, name)
        await asyncio.sleep(31)
    assert [(round(at, 2), names) for at, names in prometheus.reads] == [
        (1.05, ["a"]),
        (4.05, ["b"]),
        (9.05, ["c"]),
        (15.05, ["a", "b", "c"]),
        (30.05, ["a", "b", "c"]),
    ]
    assert [name for at, name in woken.keys if at > 20] == ["a", "b", "c"]


async def test_two_hundred_releases_that_begin_together_are_one_read() -> None:
    prometheus = Prometheus()
    async with checking(prometheus, Woken()) as checks:
        for number in range(200):
            watch(checks, f"release-{number}")
        await asyncio.sleep(1)
    assert [len(names) for _, names in prometheus.reads] == [200]


async def test_a_source_that_hangs_holds_up_only_its_own_releases() -> None:
    prometheus, woken = Prometheus(hangs={"slow": 60.0}), Woken()
    async with checking(prometheus, woken) as checks:
        watch(checks, "patient", prometheus="slow")
        watch(checks, "quick", prometheus="default")
        await asyncio.sleep(40)
    assert {name for _, name in woken.keys} == {"quick"}
    assert [names for _, names in prometheus.reads].count(["quick"]) == 3


async def test_a_read_that_fails_is_a_problem_with_the_moment_it_began_and_keeps_what_was_known() -> None:
    prometheus, woken = Prometheus(), Woken()
    async with checking(prometheus, woken) as checks:
        watch(checks, "shop")
        known = await checks.latest(key("shop"), 5.0)
        prometheus.errors["default"] = ConnectionError("connection refused")
        await asyncio.sleep(40)
        blind = await checks.latest(key("shop"), 5.0)
    assert known.problem == ""
    assert blind.problem == "metrics could not be read: connection refused"
    assert blind.intervals == known.intervals
    assert blind.since == pytest.approx(EPOCH + 15.05)


async def test_the_first_metrics_are_waited_for_but_not_for_ever() -> None:
    """A restarted operator must not decide as if there were no samples; a hanging Prometheus must not stop an abort."""
    prometheus = Prometheus(hangs={"default": 1.0, "dead": 600.0})
    async with checking(prometheus, Woken()) as checks:
        watch(checks, "shop")
        watch(checks, "cart", prometheus="dead")
        assert (await checks.latest(key("shop"), 2.0)).intervals
        silent = await checks.latest(key("cart"), 2.0)
    assert (silent.intervals, silent.problem) == ((), "Prometheus dead has not answered yet")


async def test_a_watch_that_changes_is_what_the_next_check_reads() -> None:
    prometheus = Prometheus()
    async with checking(prometheus, Woken()) as checks:
        watch(checks, "shop", step=1)
        await asyncio.sleep(5)
        watch(checks, "shop", step=2)
        await asyncio.sleep(15)
    assert prometheus.last == [Watch(key("shop"), step=2)]
    assert len(prometheus.reads) == 2


async def test_a_shorter_interval_counts_from_now_on() -> None:
    prometheus = Prometheus()
    async with checking(prometheus, Woken()) as checks:
        watch(checks, "shop", interval=3600.0)
        await asyncio.sleep(5)
        watch(checks, "shop", interval=5.0)
        await asyncio.sleep(11)
    assert [round(at, 2) for at, _ in prometheus.reads] == [0.05, 10.05, 15.05]


async def test_another_source_is_asked_at_once_and_what_the_old_one_said_is_forgotten() -> None:
    prometheus = Prometheus(hangs={"other": 10.0})
    async with checking(prometheus, Woken()) as checks:
        watch(checks, "shop")
        assert (await checks.latest(key("shop"), 1.0)).intervals
        watch(checks, "shop", prometheus="other")
        assert (await checks.latest(key("shop"), 1.0)).problem == "Prometheus other has not answered yet"


async def test_a_release_that_ended_is_read_and_woken_no_more() -> None:
    prometheus, woken = Prometheus(hangs={"default": 1.0}), Woken()
    async with checking(prometheus, woken) as checks:
        watch(checks, "shop")
        watch(checks, "cart")
        await asyncio.sleep(0.5)
        checks.forget(key("shop"))
        await asyncio.sleep(40)
        checks.forget(key("cart"))
        await asyncio.sleep(40)
    assert {name for _, name in woken.keys} == {"cart"}
    assert [names for _, names in prometheus.reads] == [["cart", "shop"], ["cart"], ["cart"]]
    assert prometheus.forgotten == [key("shop"), key("cart")]
