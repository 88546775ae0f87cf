"""The run: requests flow, a good version is released, then a bad one; everything seen goes to record and view."""

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TextIO

from demo import record, shop, stage
from demo.balance import balance
from demo.feeds import Feeds
from demo.record import Entry, Released
from demo.story import Story
from lab.handle import Lab
from lab.progress import LabError

_LOOK = 0.25
_FIRST_REQUESTS = 8
_BETWEEN = 5
_PATIENCE = 240.0


class View(Protocol):
    """Whoever shows the run: called with each entry, and with None when there was none for a moment."""

    def show(self, story: Story, entry: Entry | None) -> None: ...


class Play:
    """One run over feeds that are open."""

    def __init__(self, lab: Lab, feeds: Feeds, file: TextIO, view: View) -> None:
        self._lab = lab
        self._feeds = feeds
        self._file = file
        self._view = view
        self.story = Story()

    def releases(self) -> None:
        """Both releases, each with some seconds of peace before it, and some at the end."""
        self._seconds(_FIRST_REQUESTS)
        for planned in shop.PLAN:
            stable, candidate = planned.stable, planned.candidate
            self._take(Released(time.time(), stable.name, candidate.name, planned.told, planned.expected))
            stage.release(self._lab, candidate)
            self._until(self._ended, _PATIENCE)
            self._seconds(_BETWEEN)

    def on(self) -> None:
        """Go on showing until Ctrl-C."""
        self._until(lambda: False, float("inf"))

    def finish(self) -> record.Outcome:
        """Wait for the last answers, and draw the balance."""
        for entry in self._feeds.stop_requests():
            self._take(entry)
        outcome = balance(self.story, time.time())
        self._take(outcome)
        return outcome

    def _ended(self) -> bool:
        return self.story.act is not None and self.story.act.ended_at is not None

    def _seconds(self, count: int) -> None:
        """So many seconds of requests."""
        until = len(self.story.seconds) + count
        self._until(lambda: len(self.story.seconds) >= until, _PATIENCE)

    def _until(self, reached: Callable[[], bool], patience: float) -> None:
        deadline = time.monotonic() + patience
        while not reached():
            if time.monotonic() > deadline:
                raise LabError(
                    f"nothing came to its end within {patience:.0f} s; the release says: {self.story.status.message}\n"
                    f"Look with `kubectl describe crel {shop.NAME} -n {shop.NAMESPACE}`."
                )
            self._take(self._feeds.take(_LOOK))

    def _take(self, entry: Entry | None) -> None:
        if entry is not None:
            self.story.add(entry)
            record.write(entry, self._file)
        self._view.show(self.story, entry)


def play(lab: Lab, folder: Path, view: View, *, keep: bool) -> tuple[Story, record.Outcome]:
    """Run everything; the record goes to the folder. Interrupted, it still leaves a record of what was."""
    with (
        (folder / "record.jsonl").open("w", buffering=1) as file,
        Feeds(lab, folder / "lost.log") as feeds,
    ):
        run = Play(lab, feeds, file, view)
        run.releases()
        if keep:
            with contextlib.suppress(KeyboardInterrupt):
                run.on()
        return run.story, run.finish()
