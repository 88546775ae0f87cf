"""Constant load through the proxy, every answer counted by version and status."""

import json
import os
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from lab.handle import Lab
from lab.processes import in_namespaces

RATE = 120
"""Requests a second: above the hundred that every scenario must stand, so that a late second does not count."""
SLACK = 100 / RATE
"""The share of the rate that must have been sent."""


@dataclass(frozen=True)
class Totals:
    """What became of the requests so far; `answers` by version and status, such as ("v2", 500)."""

    sent: int
    lost: int
    answers: Counter[tuple[str, int]]

    def of(self, version: str) -> int:
        """Requests that a version answered, whatever it said."""
        return sum(count for (name, _), count in self.answers.items() if name == version)

    def failed(self) -> set[str]:
        """The versions that answered with 5xx."""
        return {version for (version, status), count in self.answers.items() if status >= 500 and count}


class Traffic:
    """A load generator: `rate` requests a second, each for the next path, for a `length` or until it is stopped."""

    def __init__(
        self,
        command: list[str],
        lost_log: Path,
        *,
        rate: float = RATE,
        paths: Iterable[str] = ("/",),
        length: str = "0",
    ) -> None:
        self.rate = rate
        self.lines: list[dict[str, Any]] = []
        self._lost_log = lost_log
        self._news = threading.Condition()
        self._began = time.monotonic()
        self.seconds = 0.0
        """How long it ran."""
        # A group of its own: a command in the lab's namespaces runs below nsenter, which passes no signal on.
        options = [f"--rps={rate}", f"--duration={length}", f"--paths={','.join(paths)}", f"--log={lost_log}"]
        self._process = subprocess.Popen(
            [*command, *options], stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @classmethod
    def through_proxy(cls, lab: Lab, host: str, lost_log: Path, **shape: Any) -> Self:
        """Requests from outside, through the ingress controller."""
        assert lab.proxy_url is not None
        return cls([str(lab.program("load")), f"--url={lab.proxy_url}", f"--host={host}"], lost_log, **shape)

    @classmethod
    def to_service(cls, lab: Lab, address: str, lost_log: Path, **shape: Any) -> Self:
        """Requests from within the cluster, to a ClusterIP.

        Each asks for its connection to be closed: a ClusterIP balances connections, and a kept one would send all
        requests to one pod.
        """
        load = [str(lab.program("load")), f"--url=http://{address}", f"--host={address}\r\nConnection: close"]
        return cls(in_namespaces(lab.folder, load), lost_log, **shape)

    def totals(self) -> Totals:
        """What became of the requests up to now, or in the whole run once it has ended."""
        with self._news:
            lines = list(self.lines)
        if lines and lines[-1].get("summary"):
            lines = lines[-1:]
        return _sum(lines)

    def until(self, what: str, holds: Callable[[Totals], bool], within: float = 60.0) -> Totals:
        """Wait until the counts are so; fails with `what`."""
        deadline = time.monotonic() + within
        with self._news:
            while not holds(totals := _sum(self.lines)):
                assert self._news.wait(max(0.0, deadline - time.monotonic())), f"after {within:.0f} s not so: {what}"
        return totals

    def share_of(self, version: str) -> float:
        """The share of the next 600 customers that a version serves."""
        before = self.totals()
        now = self.until("600 more customers came", lambda totals: totals.sent >= before.sent + 600)
        return (now.of(version) - before.of(version)) / (now.sent - before.sent)

    def stop(self) -> Totals:
        """End the load; returns when every request has its result."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)
            self.seconds = time.monotonic() - self._began
        return self.ended()

    def ended(self) -> Totals:
        """What became of the requests, once the load has come to its end."""
        self._reader.join()
        self._process.wait()
        return self.totals()

    def losses(self, most: int = 20) -> str:
        """The first lost requests, and the seconds around the first one by version and status."""
        lost = self._lost_log.read_text().splitlines() if self._lost_log.exists() else []
        first = next((index for index, line in enumerate(self.lines) if line["lost"]), 0)
        around = [json.dumps(line) for line in self.lines[max(0, first - 3) : first + 5]]
        return "\n".join([f"{len(lost)} requests were lost:", *lost[:most], "the seconds around the first:", *around])

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                with self._news:
                    self.lines.append(json.loads(line))
                    self._news.notify_all()


def _sum(lines: Iterable[dict[str, Any]]) -> Totals:
    answers: Counter[tuple[str, int]] = Counter()
    sent = lost = 0
    for line in lines:
        sent, lost = sent + line["sent"], lost + line["lost"]
        for key, count in line["counts"].items():
            version, _, status = key.rpartition(" ")
            answers[version, int(status)] += count
    return Totals(sent, lost, answers)
