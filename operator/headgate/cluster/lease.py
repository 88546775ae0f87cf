"""Who leads: one Lease, at most one holder that acts.

The holder counts its time from the moment before a renewal was sent, and stops acting `renew_within` seconds after
the last one that succeeded. Another takes over `duration` seconds after it saw the Lease change for the last time.
Both count on their own monotonic clock, so neither wall clocks nor time zones matter; the gap between the two is what
clocks of different speed may use up. A Lease that is deleted counts as held until then; its holder makes it anew.

The protocol is client-go's (tools/leaderelection); the errors of the network are answers like any other here, and no
request outlives the deadline it is made for.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from headgate.api.fields import Manifest, format_moment
from headgate.cluster.client import ApiError, KubeClient, Patience
from headgate.cluster.resources import LEASES
from headgate.release.decision import Ref

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Terms:
    """The times of a lease, in seconds: a standby leads at most `duration + retry` after the holder's last renewal."""

    duration: float = 10.0
    renew_within: float = 7.0
    retry: float = 2.0

    @property
    def patience(self) -> Patience:
        """One attempt for each request, well inside the renewal deadline: retries are the elector's own."""
        return Patience(timeout=self.renew_within / 2, attempts=1)


class Elector:
    """Acquires, renews and gives back one Lease. `client` must make single attempts: see `Terms.patience`."""

    def __init__(
        self,
        client: KubeClient,
        lease: tuple[str, str],
        identity: str,
        terms: Terms = Terms(),
        now: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._ref = Ref(LEASES.api_version, LEASES.kind, *lease)
        self._terms = terms
        self._now = now
        self._held: Manifest | None = None
        self._renewed = float("-inf")
        self._seen: tuple[Any, ...] = ()
        self._taken_until = float("-inf")
        self.identity = identity

    @property
    def leads(self) -> bool:
        """Whether this process may act, at this very moment."""
        return self._held is not None and _clock() < self._renewed + self._terms.renew_within

    async def acquire(self) -> None:
        """Wait until the Lease is held by this process."""
        while True:
            try:
                if await self._take():
                    _log.info("leading", extra={"identity": self.identity, "lease": self._ref.name})
                    return
            except ApiError as error:
                _log.warning("cannot ask for the lease, will try again: %s", error)
            await asyncio.sleep(self._terms.retry * random.uniform(0.8, 1.0))  # noqa: S311 (jitter, no secret)

    async def hold(self) -> None:
        """Renew the Lease for as long as that works. Returns when it is lost."""
        while self.leads:
            await asyncio.sleep(min(self._terms.retry, self._left()))
            try:
                async with asyncio.timeout(self._left()):
                    if not await self._renew():
                        break
            except ApiError as error:
                _log.warning("cannot renew the lease: %s", error)
            except TimeoutError:
                break
        self._held = None
        _log.error("the lease is lost: nothing is written any more", extra={"identity": self.identity})

    async def release(self) -> None:
        """Give the Lease back, so that another need not wait for its end."""
        lease, in_time = self._held, self.leads
        self._held = None
        if lease is None or not in_time:
            return
        try:
            if not await self._give_back(lease):
                found = await self._client.get(self._ref)
                if found["spec"].get("holderIdentity") == self.identity:
                    await self._give_back(found)
        except ApiError as error:
            _log.warning("the lease could not be given back; it ends by itself: %s", error)

    async def _give_back(self, lease: Manifest) -> bool:
        """Write the Lease without a holder. False where it has changed meanwhile."""
        spec = {key: value for key, value in lease["spec"].items() if key != "holderIdentity"}
        spec |= {"leaseDurationSeconds": 1, "renewTime": format_moment(self._now())}
        return await self._put({**lease, "spec": spec}) is not None

    def _left(self) -> float:
        return max(0.0, self._renewed + self._terms.renew_within - _clock())

    async def _take(self) -> bool:
        """Take the Lease where it is free. False where someone else has it or was faster."""
        asked = _clock()
        try:
            lease = await self._client.get(self._ref)
        except ApiError as error:
            if error.status != 404:
                raise
            # It may have been deleted under a holder that does not know it yet.
            return asked >= self._taken_until and await self._write(asked, None, transitions=0)
        if not self._free(lease, asked):
            return False
        return await self._write(asked, lease, transitions=(lease["spec"].get("leaseTransitions") or 0) + 1)

    def _free(self, lease: Manifest, asked: float) -> bool:
        """Whether nobody holds the Lease, or its holder was silent for its whole duration while we looked."""
        spec = lease["spec"]
        seen = (spec.get("holderIdentity"), spec.get("renewTime"), lease["metadata"]["uid"])
        if seen != self._seen:
            duration = spec.get("leaseDurationSeconds") or self._terms.duration
            self._seen = seen
            self._taken_until = _clock() + duration if spec.get("holderIdentity") else float("-inf")
        return asked >= self._taken_until

    async def _renew(self) -> bool:
        """Renew the held Lease, or make it anew where someone deleted it. False where someone else holds it by now."""
        asked, lease = _clock(), self._held
        assert lease is not None  # noqa: S101 (renewed only while held)
        try:
            if await self._write(asked, lease, transitions=None):
                return True
            # Either someone else wrote it, or an earlier renewal of ours arrived whose answer was lost.
            found = await self._client.get(self._ref)
        except ApiError as error:
            if error.status != 404:
                raise
            return await self._write(_clock(), None, transitions=0)
        if found["spec"].get("holderIdentity") != self.identity:
            return False
        self._held = found
        return await self._write(_clock(), found, transitions=None)

    async def _write(self, asked: float, lease: Manifest | None, *, transitions: int | None) -> bool:
        """Write the Lease as ours: with `transitions` as a new holder. False where it has changed meanwhile."""
        now = format_moment(self._now())
        spec = dict(lease["spec"]) if lease else {}
        spec |= {
            "holderIdentity": self.identity,
            "leaseDurationSeconds": round(self._terms.duration),
            "renewTime": now,
        }
        if transitions is not None:
            spec |= {"acquireTime": now, "leaseTransitions": transitions}
        written = await (self._put({**lease, "spec": spec}) if lease else self._create(spec))
        if written is None:
            return False
        self._held, self._renewed = written, asked
        return True

    async def _create(self, spec: Manifest) -> Manifest | None:
        metadata = {"namespace": self._ref.namespace, "name": self._ref.name}
        lease = {"apiVersion": self._ref.api_version, "kind": self._ref.kind, "metadata": metadata, "spec": spec}
        return await _unless_conflict(self._client.create(lease))

    async def _put(self, lease: Manifest) -> Manifest | None:
        return await _unless_conflict(self._client.replace(lease))


async def _unless_conflict(request: Awaitable[Manifest]) -> Manifest | None:
    """The answer to a write; None where someone else was faster."""
    try:
        return await request
    except ApiError as error:
        if error.status == 409:
            return None
        raise


def _clock() -> float:
    return asyncio.get_running_loop().time()
