"""The run as plain lines, for a pipe or a log."""

import time
from typing import TextIO

from demo.durations import clock
from demo.record import Entry, Note, Released, Requests
from demo.story import Story

_EVERY = 10
"""Seconds between two lines about the requests."""


class Lines:
    """Prints what is new: releases, events, changed messages, and the requests every ten seconds."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._message = ""

    def show(self, story: Story, entry: Entry | None) -> None:
        """Print at most one line for the entry."""
        match entry:
            case Released():
                self._say(story, f"releasing {entry.candidate}, {entry.told}; expected: {entry.expected}")
            case Note():
                self._say(story, f"{entry.reason}: {entry.note}")
                self._message = entry.note
            case Requests() if len(story.seconds) % _EVERY == 0:
                self._say(story, _requests(story))
        if story.act is not None and story.status.message != self._message:
            self._message = story.status.message
            self._say(story, f"{story.status.phase}: {self._message}")

    def _say(self, story: Story, text: str) -> None:
        print(f"{clock(time.time() - (story.began or time.time())):>5}  {text}", file=self._out, flush=True)


def _requests(story: Story) -> str:
    since = story.seconds[-_EVERY - 1].at if len(story.seconds) > _EVERY else 0.0
    parts = []
    for version in story.versions():
        answered, errors = story.answers(version, since)
        if answered:
            parts.append(f"{version} answered {answered / _EVERY:.0f}/s with {errors} errors")
    return "; ".join([*parts, f"{story.sent:,} requests sent, {story.lost} lost"])
