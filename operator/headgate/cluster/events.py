"""Kubernetes Events about releases, in the events.k8s.io/v1 form: never in the way of a tick, never a flood.

The same event of the same release within ten minutes is one Event with a series, as client-go's recorder does it.
A release may say 25 things at once and one more every five minutes; what is beyond that is dropped and counted.
"""

import asyncio
import logging
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from headgate.api.fields import Manifest, format_moment
from headgate.api.names import API_VERSION, FIELD_MANAGER, GROUP, KIND
from headgate.api.release import Release
from headgate.cluster.client import ApiError, KubeClient, NotLeadingError
from headgate.cluster.resources import EVENTS
from headgate.release.decision import Event, Ref

_log = logging.getLogger(__name__)
_SERIES_WINDOW = 600.0
_MOST_SERIES = 1000
_BURST = 25.0
_REFILL = 1 / 300
_PAUSE = 0.1
_LONGEST_PAUSE = 10.0
_MOST_TRIES = 8
_LONGEST_NOTE = 1024
_LONGEST_STEM = 200

_Sameness = tuple[str, str, str]


@dataclass
class _Series:
    """One Event as it stands in the cluster: how often it has happened, and when last."""

    manifest: Manifest
    last: float
    count: int = 1
    sent: bool = False
    failures: int = 0


@dataclass
class _Allowance:
    """How many Events a release may still cause."""

    left: float
    since: float

    def take(self, now: float) -> bool:
        self.left = min(_BURST, self.left + max(0.0, now - self.since) * _REFILL)
        self.since = now
        if self.left < 1:
            return False
        self.left -= 1
        return True


class Recorder:
    """Takes Events at once and sends them from `serve`, one every tenth of a second at most."""

    def __init__(self, client: KubeClient, instance: str, now: Callable[[], float] = time.time) -> None:
        self._client = client
        self._instance = instance[:128]
        self._now = now
        self._series: OrderedDict[_Sameness, _Series] = OrderedDict()
        self._allowances: OrderedDict[str, _Allowance] = OrderedDict()
        self._pending: dict[_Sameness, None] = {}
        self._filled = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self.dropped = 0

    def record(self, release: Release, event: Event) -> None:
        """Note an event. Returns at once."""
        now = self._now()
        same = (release.uid, event.reason, event.note)
        series = self._series.get(same)
        if series is not None and now - series.last < _SERIES_WINDOW:
            series.count += 1
            series.last = now
        elif self._allowed(release.uid, now):
            self._series[same] = _Series(_manifest(release, event, self._instance, now), now)
        else:
            self.dropped += 1
            return
        self._series.move_to_end(same)
        while len(self._series) > _MOST_SERIES:
            self._pending.pop(self._series.popitem(last=False)[0], None)
        self._pending[same] = None
        self._filled.set()
        self._idle.clear()

    async def serve(self) -> None:
        """Send what was recorded, for ever."""
        while True:
            await self._filled.wait()
            while self._pending:
                failures = await self._send(next(iter(self._pending)))
                await asyncio.sleep(min(_LONGEST_PAUSE, _PAUSE * 2.0**failures))
            self._filled.clear()
            self._idle.set()

    async def flush(self, seconds: float) -> None:
        """Wait until all is sent, at most so long."""
        try:
            await asyncio.wait_for(self._idle.wait(), seconds)
        except TimeoutError:
            _log.warning("%d events were not sent before the end", len(self._pending))

    def _allowed(self, uid: str, now: float) -> bool:
        allowance = self._allowances.setdefault(uid, _Allowance(_BURST, now))
        self._allowances.move_to_end(uid)
        while len(self._allowances) > _MOST_SERIES:
            self._allowances.popitem(last=False)
        return allowance.take(now)

    async def _send(self, same: _Sameness) -> int:
        """Send one event as it is now; what comes in meanwhile is sent next. Returns how often it has failed."""
        series = self._series[same]
        del self._pending[same]
        try:
            if series.sent:
                seen = {"count": series.count, "lastObservedTime": format_moment(series.last)}
                await self._client.merge_patch(_ref(series.manifest), {"series": seen})
            else:
                await self._client.create(series.manifest)
            series.sent, series.failures = True, 0
        except NotLeadingError:
            return 0
        except ApiError as error:
            self._failed(same, series, error)
        return series.failures

    def _failed(self, same: _Sameness, series: _Series, error: ApiError) -> None:
        """Try what may pass again, behind the others. Its name is its own, so one that is there is this very event."""
        if not series.sent and error.status == 409:
            series.sent = True
            return
        series.failures += 1
        gone = series.sent and error.status == 404
        series.sent = series.sent and not gone
        if (error.passing or gone) and series.failures < _MOST_TRIES and self._series.get(same) is series:
            self._pending[same] = None
            return
        _log.warning("event %s was not recorded: %s", series.manifest["reason"], error)
        series.failures = 0


def _manifest(release: Release, event: Event, instance: str, now: float) -> Manifest:
    regarding = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "namespace": release.namespace,
        "name": release.name,
        "uid": release.uid,
    }
    name = f"{release.name[:_LONGEST_STEM]}.{uuid.uuid4().hex[:16]}"
    return {
        "apiVersion": EVENTS.api_version,
        "kind": EVENTS.kind,
        "metadata": {"namespace": release.namespace, "name": name},
        "eventTime": format_moment(now),
        "reportingController": f"{GROUP}/{FIELD_MANAGER}",
        "reportingInstance": instance,
        "action": "Release",
        "reason": event.reason.value,
        "note": _shortened(event.note),
        "type": event.reason.type,
        "regarding": regarding,
    }


def _shortened(note: str) -> str:
    """The note within the API's limit of 1024 bytes."""
    raw = note.encode()
    return note if len(raw) <= _LONGEST_NOTE else raw[: _LONGEST_NOTE - 3].decode(errors="ignore") + "..."


def _ref(manifest: Manifest) -> Ref:
    metadata = manifest["metadata"]
    return Ref(manifest["apiVersion"], manifest["kind"], metadata["namespace"], metadata["name"])
