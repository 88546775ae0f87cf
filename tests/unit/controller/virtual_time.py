"""Running a coroutine on a clock that jumps from one deadline to the next."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import looptime

T = TypeVar("T")


def run_in_virtual_time(main: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine whose sleeps take no real time; the clock starts at 0."""
    with asyncio.Runner(loop_factory=lambda: looptime.new_event_loop(start=0, noop_cycles=3, _enabled=True)) as runner:
        return runner.run(main)
