"""What the API server tells of the objects of one kind in a namespace, kept as it comes."""

import json
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lab.handle import Lab

Manifest = dict[str, Any]


@dataclass(frozen=True)
class Sighting:
    """One event of a watch: what happened to an object, how it is now, and when that was heard of."""

    type: str
    object: Manifest
    at: float

    @property
    def version(self) -> int:
        return int(self.object["metadata"]["resourceVersion"])


class Watch:
    """Every version of the objects at an API path, e.g. /api/v1/namespaces/shop/services, from now on."""

    def __init__(self, lab: Lab, path: str) -> None:
        command = [str(lab.program("kubectl")), "get", "--raw", f"{path}?watch=true"]
        self.sightings: list[Sighting] = []
        self._news = threading.Condition()
        self._process = subprocess.Popen(command, env=lab.environment(), stdout=subprocess.PIPE, text=True)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def objects(self, name: str = "") -> list[Manifest]:
        """The versions of one object, or of all, in the order in which they were heard of."""
        with self._news:
            return [one.object for one in self.sightings if name in ("", one.object["metadata"]["name"])]

    def first(self, holds: Callable[[Sighting], bool], *, after: int, within: float) -> Sighting | None:
        """The first sighting past a resourceVersion for which `holds` is true, waited for; None when there was none."""
        deadline, looked_at = time.monotonic() + within, 0
        with self._news:
            while True:
                for one in self.sightings[looked_at:]:
                    if one.version > after and holds(one):
                        return one
                looked_at = len(self.sightings)
                if not self._news.wait(timeout=max(0.0, deadline - time.monotonic())):
                    return None

    def close(self) -> None:
        """End the watch; what was seen stays."""
        self._process.terminate()
        self._process.wait()
        self._thread.join()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                event = json.loads(line)
                if event["type"] in {"ADDED", "MODIFIED", "DELETED"}:
                    with self._news:
                        self.sightings.append(Sighting(event["type"], event["object"], time.time()))
                        self._news.notify_all()
