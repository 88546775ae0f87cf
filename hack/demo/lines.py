"""The run as plain lines, for a pipe or a log."""

import time
from typing import TextIO

from demo.durations import clock
from demo.record import Entry, Note, Released, Requests, State
from demo.story import Story, answers_of

_EVERY = 10
"""Seconds between two lines about the requests."""


class Lines:
    """Prints what is new: releases, events, messages, and the requests every ten seconds."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._told: set[str] = set()

    def show(self, story: Story, entry: Entry | None) -> None:
        """Print a line for the entry, unless it says what was said before, as events and status often do."""
        match entry:
            case Released():
                self._say(story, f"releasing {entry.candidate}, {entry.told}; it should be {entry.expected}")
            case Note():
                self._say(story, f"{entry.reason}: {entry.note}", entry.note)
            case State():
                self._say(story, f"{story.status.phase}: {story.status.message}", story.status.message)
            case Requests() if len(story.seconds) % _EVERY == 0:
                self._say(story, _requests(story))

    def _say(self, story: Story, line: str, once: str = "") -> None:
        if once in self._told:
            return
        self._told |= {once} if once else set()
        print(f"{clock(time.time() - (story.began or time.time())):>5}  {line}", file=self._out, flush=True)


def _requests(story: Story) -> str:
    parts = []
    for version in story.versions():
        answered, errors = answers_of(story.seconds[-_EVERY:], version)
        if answered:
            parts.append(f"{version} answered {answered / _EVERY:.0f}/s with {errors} errors")
    return "; ".join([*parts, f"{story.sent:,} requests sent, {story.lost} lost"])
