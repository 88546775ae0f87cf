"""What happens in the lab, as entries of the record: watches of the API server, the load generator, Prometheus."""

import contextlib
import json
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import IO, Self
from urllib.parse import quote

from demo import shop
from demo.record import Entry, Note, Odds, Requests, Route, State
from headgate.api.fields import Manifest, parse_moment
from headgate.routing.naming import candidate_service
from lab.handle import Lab
from lab.progress import LabError

RATE = 150
_NAMESPACE = f"namespaces/{shop.NAMESPACE}"
_RELEASES = f"/apis/headgate.dev/v1alpha1/{_NAMESPACE}/canaryreleases"
_INGRESSES = f"/apis/networking.k8s.io/v1/{_NAMESPACE}/ingresses"
_EVENTS = f"/apis/events.k8s.io/v1/{_NAMESPACE}/events"
_WATCH = "?watch=true&timeoutSeconds=86400"
_WEIGHT = "nginx.ingress.kubernetes.io/canary-weight"
_ODDS = f'max(headgate_release_evidence{{name="{shop.NAME}",objective="errors"}})'
_ASK_EVERY = 2.0
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))

Parse = Callable[[Manifest], Entry | None]


@dataclass(frozen=True)
class _Ended:
    """A feed that ended; error is what it said last."""

    name: str
    error: str


class Feeds:
    """A context in which requests are sent and everything is watched; it leaves no process behind."""

    def __init__(self, lab: Lab, lost_log: Path) -> None:
        self._lab = lab
        self._lost_log = lost_log
        self._entries: SimpleQueue[Entry | _Ended] = SimpleQueue()
        self._closing = threading.Event()
        self._processes: dict[str, subprocess.Popen[str]] = {}
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        kubectl = [str(self._lab.program("kubectl")), "get", "--raw"]
        self._follow("the watch of releases", [*kubectl, _RELEASES + _WATCH], _state)
        self._follow("the watch of ingresses", [*kubectl, _INGRESSES + _WATCH], _route)
        opened = time.time()
        self._follow("the watch of events", [*kubectl, _EVENTS + _WATCH], lambda event: _note(event, opened))
        load = [str(self._lab.program("load")), f"--url={self._lab.proxy_url}", f"--host={shop.HOST}"]
        self._follow("the load generator", [*load, f"--rps={RATE}", f"--log={self._lost_log}"], _requests)
        self._thread(self._ask_odds)
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self._closing.set()
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            process.wait()
        for thread in self._threads:
            thread.join()

    def take(self, seconds: float) -> Entry | None:
        """The next entry, or None when none comes in so many seconds. LabError when a feed broke off."""
        try:
            entry = self._entries.get(timeout=seconds)
        except Empty:
            return None
        if isinstance(entry, _Ended):
            raise LabError(f"{entry.name} ended: {entry.error}")
        return entry

    def stop_requests(self) -> Iterator[Entry]:
        """End the load; what was open is waited for. Returns the entries until the last request has its result."""
        process = self._processes["the load generator"]
        process.terminate()
        while not isinstance(entry := self._entries.get(), _Ended):
            yield entry

    def _follow(self, name: str, command: list[str], parse: Parse) -> None:
        """Start a program that prints JSON lines, in a session of its own, so that Ctrl-C is for the demo alone."""
        errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 (the thread that reads it closes it)
        environment = self._lab.environment()
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment, start_new_session=True
        )
        self._processes[name] = process
        self._thread(lambda: self._read(name, process, parse, errors))

    def _thread(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _read(self, name: str, process: subprocess.Popen[str], parse: Parse, errors: IO[str]) -> None:
        assert process.stdout is not None  # noqa: S101 (it was opened as a pipe)
        with process.stdout, errors:
            for line in process.stdout:
                values = json.loads(line)
                if values.get("type") == "ERROR":
                    errors.write(values["object"]["message"])
                    break
                entry = parse(values)
                if entry is not None:
                    self._entries.put(entry)
            errors.seek(0)
            self._entries.put(_Ended(name, errors.read().strip() or f"exit status {process.wait()}"))

    def _ask_odds(self) -> None:
        url = f"{self._lab.prometheus_url}/api/v1/query?query={quote(_ODDS)}"
        while not self._closing.wait(_ASK_EVERY):
            # The odds are for the eyes only: a Prometheus that does not answer is the operator's to report.
            with contextlib.suppress(OSError), _DIRECT.open(url, timeout=5) as response:
                for series in json.load(response)["data"]["result"]:
                    self._entries.put(Odds(time.time(), float(series["value"][1])))


def _state(event: Manifest) -> Entry | None:
    status = event["object"]["status"]
    return State(time.time(), status) if "phase" in status and event["type"] != "DELETED" else None


def _route(event: Manifest) -> Entry | None:
    metadata = event["object"]["metadata"]
    if metadata["name"] != candidate_service(shop.NAME):
        return None
    gone = event["type"] == "DELETED"
    return Route(time.time(), None if gone else int(metadata["annotations"][_WEIGHT]))


def _note(event: Manifest, since: float) -> Entry | None:
    """An event of this run; the watch begins with those of earlier ones."""
    found = event["object"]
    if event["type"] != "ADDED" or not found.get("reportingController", "").startswith("headgate.dev/"):
        return None
    at = parse_moment(found["eventTime"])
    return Note(at, found["reason"], found["note"], found["type"] == "Warning") if at >= since else None


def _requests(line: Manifest) -> Entry | None:
    if "summary" in line:
        return None
    return Requests(time.time(), line["sent"], line["lost"], line["counts"])
