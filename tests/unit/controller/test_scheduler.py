"""The heap of deadlines, on a virtual clock: no sleep in here takes real time."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.controller.scheduler import Scheduler
from tests.unit.controller.virtual_time import run_in_virtual_time

pytestmark = pytest.mark.looptime


@dataclass
class Diary:
    """What ran and when; each run takes `lasting` seconds."""

    lasting: float = 0.0
    runs: list[tuple[float, str]] = field(default_factory=list)
    running: Counter[str] = field(default_factory=Counter)
    most_of_one: int = 0
    most_of_all: int = 0
    on_run: Callable[[str], None] = lambda _: None

    async def run(self, key: str) -> None:
        self.running[key] += 1
        self.most_of_one = max(self.most_of_one, self.running[key])
        self.most_of_all = max(self.most_of_all, self.running.total())
        self.runs.append((asyncio.get_running_loop().time(), key))
        self.on_run(key)
        try:
            await asyncio.sleep(self.lasting)
        finally:
            self.running[key] -= 1


@asynccontextmanager
async def serving(scheduler: Scheduler[str]) -> AsyncIterator[None]:
    task = asyncio.create_task(scheduler.serve())
    yield
    task.cancel()
    await scheduler.drain(0)


async def test_runs_a_key_at_its_deadline() -> None:
    diary = Diary()
    scheduler = Scheduler(diary.run, workers=1)
    async with serving(scheduler):
        scheduler.at("shop", 5.0)
        await asyncio.sleep(10)
    assert diary.runs == [(5.0, "shop")]


async def test_the_earlier_of_two_deadlines_wins_and_the_later_one_is_forgotten() -> None:
    diary = Diary()
    scheduler = Scheduler(diary.run, workers=1)
    async with serving(scheduler):
        scheduler.at("shop", 8.0)
        scheduler.at("shop", 3.0)
        scheduler.at("shop", 6.0)
        await asyncio.sleep(20)
    assert diary.runs == [(3.0, "shop")]


async def test_a_deadline_that_comes_closer_while_waiting_is_kept() -> None:
    diary = Diary()
    scheduler = Scheduler(diary.run, workers=1)
    async with serving(scheduler):
        scheduler.at("shop", 100.0)
        await asyncio.sleep(1)
        scheduler.at("shop", 2.0)
        await asyncio.sleep(10)
    assert diary.runs == [(2.0, "shop")]


async def test_a_wake_during_a_run_means_one_more_run_after_it() -> None:
    """Given a run of 2 s, when it is woken three times within it, then it runs once more, after its end."""
    diary = Diary(lasting=2.0)
    scheduler = Scheduler(diary.run, workers=4)
    async with serving(scheduler):
        scheduler.soon("shop")
        for _ in range(3):
            await asyncio.sleep(0.5)
            scheduler.soon("shop")
        await asyncio.sleep(10)
    assert diary.runs == [(0.0, "shop"), (2.0, "shop")]
    assert diary.most_of_one == 1


async def test_no_more_than_the_workers_run_at_once() -> None:
    diary = Diary(lasting=1.0)
    scheduler = Scheduler(diary.run, workers=3)
    async with serving(scheduler):
        for number in range(7):
            scheduler.soon(f"release-{number}")
        await asyncio.sleep(10)
    assert diary.most_of_all == 3
    assert [at for at, _ in diary.runs] == [0.0] * 3 + [1.0] * 3 + [2.0]


async def test_a_busy_key_does_not_starve_the_others() -> None:
    """Given one worker and a key that asks for another run at once each time, others still get their turn."""
    diary = Diary(lasting=1.0)
    scheduler = Scheduler(diary.run, workers=1)
    diary.on_run = lambda key: scheduler.soon(key) if key == "busy" else None
    async with serving(scheduler):
        scheduler.soon("busy")
        await asyncio.sleep(0.5)
        scheduler.soon("calm")
        await asyncio.sleep(3)
    assert [key for _, key in diary.runs[:3]] == ["busy", "busy", "calm"]


async def test_a_run_that_fails_is_logged_and_the_rest_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    async def run(key: str) -> None:
        if key == "broken":
            raise ValueError("what went wrong")
        done.append(key)

    done: list[str] = []
    scheduler = Scheduler(run, workers=1)
    async with serving(scheduler):
        scheduler.soon("broken")
        scheduler.soon("fine")
        await asyncio.sleep(1)
    assert done == ["fine"]
    assert [record.exc_text or str(record.exc_info) for record in caplog.records if record.levelno == logging.ERROR]


async def test_drain_waits_for_what_runs_and_cancels_what_is_late() -> None:
    ended: list[str] = []

    async def run(key: str) -> None:
        await asyncio.sleep({"quick": 1.0, "slow": 60.0}[key])
        ended.append(key)

    scheduler = Scheduler(run, workers=2)
    task = asyncio.create_task(scheduler.serve())
    scheduler.soon("quick")
    scheduler.soon("slow")
    await asyncio.sleep(0.1)
    task.cancel()
    await scheduler.drain(4.0)
    assert ended == ["quick"]
    assert asyncio.get_running_loop().time() == pytest.approx(4.1)


async def test_lag_tells_how_long_the_first_in_line_has_waited() -> None:
    diary = Diary(lasting=10.0)
    scheduler = Scheduler(diary.run, workers=1)
    assert scheduler.lag() == 0.0
    async with serving(scheduler):
        scheduler.soon("first")
        await asyncio.sleep(1)
        scheduler.soon("second")
        await asyncio.sleep(3)
        assert scheduler.lag() == pytest.approx(3.0)


async def test_a_long_queue_that_moves_is_no_stall_and_one_that_does_not_move_is() -> None:
    """A thousand releases that wait for a slow API server must not make the kubelet kill the operator."""
    diary = Diary(lasting=10.0)
    scheduler = Scheduler(diary.run, workers=1)
    async with serving(scheduler):
        for number in range(20):
            scheduler.soon(f"release-{number}")
        await asyncio.sleep(125)
        assert scheduler.lag() == pytest.approx(125.0)
        assert scheduler.stalled() == pytest.approx(5.0)
        diary.lasting = 1000.0
        await asyncio.sleep(300)
        assert scheduler.stalled() == pytest.approx(295.0)


async def test_deadlines_may_be_given_before_anything_is_served() -> None:
    """A standby is woken by its watches long before it leads."""
    diary = Diary()
    scheduler = Scheduler(diary.run, workers=2)
    scheduler.soon("shop")
    scheduler.soon("shop")
    await asyncio.sleep(30)
    async with serving(scheduler):
        await asyncio.sleep(0)
        assert scheduler.stalled() == 0.0
        await asyncio.sleep(1)
    assert diary.runs == [(30.0, "shop")]


Wishes = list[tuple[float, str, float]]
tenths = st.integers(0, 500).map(lambda number: number / 10)
wishes = st.lists(
    st.builds(lambda at, key, wait: (at, key, at + wait), tenths, st.sampled_from("abcde"), tenths), max_size=30
)


@given(wishes=wishes, workers=st.integers(1, 3), lasting=st.sampled_from([0.0, 0.5, 7.0]))
def test_every_deadline_is_followed_by_a_run_that_begins_after_it_and_no_key_runs_twice_at_once(
    wishes: Wishes, workers: int, lasting: float
) -> None:
    """Whatever is asked for and when: (moment of asking, key, deadline)."""
    diary = Diary(lasting=lasting)

    async def ask() -> None:
        scheduler = Scheduler(diary.run, workers=workers)
        async with serving(scheduler):
            for moment, key, due in sorted(wishes):
                await asyncio.sleep(max(0.0, moment - asyncio.get_running_loop().time()))
                scheduler.at(key, due)
            await asyncio.sleep(500)
        assert len(scheduler) == 0

    run_in_virtual_time(ask())
    assert diary.most_of_one <= 1
    assert diary.most_of_all <= workers
    for moment, key, due in wishes:
        later = [at for at, ran in diary.runs if ran == key and at >= min(moment, due) - 1e-3]
        assert later, f"{key} was asked for at {moment} for {due} and never ran after that: {diary.runs}"
        assert min(later) >= min(wish[2] for wish in wishes if wish[1] == key) - 1e-3
    assert len(diary.runs) <= len(wishes)
