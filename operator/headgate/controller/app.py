"""One replica of the operator: everything wired, started in order and stopped in order."""

import asyncio
import itertools
import logging
import os
import signal
import time
import uuid
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Generic

import aiohttp
import kopf
from kopf._core.engines.peering import Identity
from kubernetes.aio.client import ApiClient

from headgate.cluster.act import Actor
from headgate.cluster.client import ApiError, KubeClient, connect
from headgate.cluster.events import Recorder
from headgate.cluster.lease import Elector, Terms
from headgate.cluster.observe import Observer
from headgate.cluster.policies import find_policies
from headgate.cluster.projection import Key, Projection
from headgate.cluster.resources import HTTP_ROUTES, RELEASES, Resource
from headgate.cluster.watching import WATCHED, Lists, open_session
from headgate.controller import handlers, logs
from headgate.controller.abilities import checked, entries_of, router_for
from headgate.controller.checks import Checks, Reader, W
from headgate.controller.config import OperatorConfig
from headgate.controller.loop import Brain, Loop
from headgate.controller.metering import watch_of
from headgate.controller.probes import Heartbeat, Probes
from headgate.controller.scheduler import Scheduler
from headgate.controller.telemetry import Telemetry
from headgate.metrics.reader import MetricsReader
from headgate.release.machine import decide
from headgate.release.reporting import due

_log = logging.getLogger(__name__)

_LAST_TICKS = 4.0
_LAST_EVENTS = 1.0
_LAST_LEASE = 2.0
_LAST_WATCHES = 2.0
_START_RETRY = 2.0
_TO_INSTALL = {
    RELEASES: "install the CRD (crds/ or the chart)",
    HTTP_ROUTES: "install the Gateway API, or take gateway out of the configuration,",
}


class Operator(Generic[W]):
    """A replica. It watches from the start, so that it knows all there is when it comes to lead."""

    def __init__(self, config: OperatorConfig, api: ApiClient, brain: Brain[W], reader: Reader[W]) -> None:
        self._config = config
        self._api = api
        self._telemetry = Telemetry()
        count = self._telemetry.count_request
        identity = f"{config.lease.identity}_{uuid.uuid4().hex[:8]}"
        own = KubeClient(api, patience=Terms().patience, count=count)
        self._elector = Elector(own, (config.lease.namespace, config.lease.name), identity)
        self._client = KubeClient(api, may_write=lambda: self._elector.leads, count=count)
        self._scheduler: Scheduler[Key] = Scheduler(self._tick, config.workers)
        self._projection = Projection(self._wake)
        self._kinds = (*WATCHED, *entries_of(config))
        self._lists = Lists(self._projection, self._kinds, config.namespaces)
        self._recorder = Recorder(self._client, identity)
        self._checks = Checks(reader, self._scheduler.soon)
        self._heartbeat = Heartbeat()
        self._policies = config.policies == "on"
        self._loop = self._make_loop(brain)
        self._stopping = asyncio.Event()
        self._unwatch = asyncio.Event()
        self._serving: asyncio.Task[None] | None = None

    def stop(self) -> None:
        """Ask for the end; `run` returns within ten seconds."""
        self._stopping.set()

    async def run(self) -> int:
        """Work until stopped. Returns the exit status: 0 when asked to stop, 1 when it cannot go on."""
        self._catch_signals()
        self._expose()
        # From now on: a replica that waits for its API server is no replica that hangs.
        beating = asyncio.create_task(self._heartbeat.beat())
        port = self._config.http.port
        try:
            runner = await self._probes().listen(port)
        except OSError as error:
            _log.error("port %d cannot be served: %s", port, os.strerror(error.errno or 0))
            return 1
        _log.info("serving probes and metrics", extra={"port": runner.addresses[0][1]})
        try:
            if await self._unless_stopped(self._served()):
                return await self._work()
            return 0 if self._stopping.is_set() else 1
        finally:
            beating.cancel()
            await runner.cleanup()

    async def _unless_stopped(self, work: Coroutine[Any, Any, bool]) -> bool:
        """The result of some work; False where the end is asked for before."""
        working, stopping = asyncio.create_task(work), asyncio.create_task(self._asked_to_stop())
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        for task in (working, stopping):
            task.cancel()
        return await working if working.done() else False

    async def _work(self) -> int:
        recording = asyncio.create_task(self._recorder.serve())
        leading = asyncio.create_task(self._lead(), name="lead")
        stopping = asyncio.create_task(self._asked_to_stop(), name="wait for the end")
        watching = asyncio.create_task(self._watch(), name="watch")
        try:
            await asyncio.wait({leading, watching, stopping}, return_when=asyncio.FIRST_COMPLETED)
            asked = self._stopping.is_set()
            for task in (leading, watching):
                if task.done() and not asked:
                    _log.error("%s ended, so the process ends: %s", task.get_name(), task.exception() or "lost")
            await self._shut_down(leading, watching)
        finally:
            for task in (recording, leading, stopping, watching):
                task.cancel()
        return 0 if asked else 1

    async def _asked_to_stop(self) -> None:
        await self._stopping.wait()

    async def _shut_down(self, leading: asyncio.Task[None], watching: asyncio.Task[None]) -> None:
        """End in order: no new ticks, the last ticks, their events, the lease, the watches."""
        _log.info("ending")
        if self._serving is not None:
            self._serving.cancel()
        await self._scheduler.drain(_LAST_TICKS if self._elector.leads else 0.0)
        await self._checks.close()
        if self._elector.leads:
            await self._recorder.flush(_LAST_EVENTS)
        leading.cancel()
        await asyncio.wait({leading})
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_LEASE):
                await self._elector.release()
        self._unwatch.set()
        _, late = await asyncio.wait({watching}, timeout=_LAST_WATCHES)
        for task in late:
            task.cancel()

    async def _lead(self) -> None:
        """Work while this replica holds the lease. Returns when the lease is lost."""
        await self._lists.complete.wait()
        _log.info("all first lists are complete", extra={"releases": len(self._projection.releases())})
        if self._config.policies == "auto":
            self._policies = await find_policies(self._client)
        await self._elector.acquire()
        for key in self._projection.releases():
            self._scheduler.soon(key)
        self._serving = asyncio.create_task(self._scheduler.serve(), name="serve")
        try:
            await self._elector.hold()
        finally:
            self._serving.cancel()

    async def _watch(self) -> None:
        """Run kopf until `_unwatch` is set; it raises where a watch cannot go on."""
        others = asyncio.all_tasks()
        registry = handlers.registry(self._kinds, self._projection, self._log_in, self._api.configuration.host)
        tasks = await kopf.spawn_tasks(
            registry=registry,
            settings=handlers.settings(),
            clusterwide=not self._config.namespaces,
            namespaces=self._config.namespaces,
            stop_flag=self._unwatch,
            # Its own default asks for the user's name, which a container's user has none of.
            identity=Identity(self._elector.identity),
        )
        # kopf has just taken the signals for itself; the end has an order of its own here.
        self._catch_signals()
        await kopf.run_tasks(tasks, ignored=others)

    def _catch_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self.stop)

    async def _log_in(self) -> aiohttp.ClientSession:
        return open_session(self._api, self._lists, self._telemetry.count_request)

    async def _served(self) -> bool:
        """Whether the API server serves this process the kinds that are no part of it; waits while it is silent."""
        added = (resource for resource in self._kinds if resource in _TO_INSTALL)
        for resource, namespace in itertools.product(added, self._config.namespaces or ("",)):
            while True:
                try:
                    await self._client.probe(resource, namespace)
                    break
                except ApiError as error:
                    if not error.passing:
                        _log.error("%s", _unserved(resource, error))
                        return False
                    _log.warning("%s", error)
                    await asyncio.sleep(_START_RETRY)
        return True

    def _make_loop(self, brain: Brain[W]) -> Loop[W]:
        config = self._config
        observer = Observer(
            self._client,
            self._projection,
            lambda spec: router_for(spec, config),
            policies=lambda: self._policies,
            entries=entries_of(config),
        )
        return Loop(
            brain,
            projection=self._projection,
            check=lambda release: checked(release, config),
            observer=observer,
            actor=Actor(self._client, self._projection, self._recorder.record),
            checks=self._checks,
            telemetry=self._telemetry,
            at=self._at,
        )

    def _wake(self, key: Key) -> None:
        """Have a release looked at soon. A standby looks at none, and at all of them when it comes to lead."""
        if self._serving is not None:
            self._scheduler.soon(key)

    async def _tick(self, key: Key) -> None:
        await self._loop.tick(key)

    def _at(self, key: Key, moment: float) -> None:
        """Have a release looked at, at a moment in seconds since the epoch."""
        clock = asyncio.get_running_loop().time()
        self._scheduler.at(key, clock + max(0.0, moment - time.time()))

    def _lag(self) -> float:
        return self._scheduler.lag() if self._elector.leads else 0.0

    def _probes(self) -> Probes:
        return Probes(
            self._telemetry.text,
            self._heartbeat,
            stalled=lambda: self._scheduler.stalled() if self._elector.leads else 0.0,
            ready=self._lists.complete.is_set,
        )

    def _expose(self) -> None:
        gauge = self._telemetry.gauge
        gauge("headgate_leader", lambda: float(self._elector.leads))
        gauge("headgate_queue_depth", lambda: float(len(self._scheduler)))
        gauge("headgate_queue_lag_seconds", self._lag)
        gauge("headgate_events_dropped", lambda: float(self._recorder.dropped))


def _unserved(resource: Resource, error: ApiError) -> str:
    """Why a kind cannot be served, with what to do."""
    if error.status == 404:
        return f"the API server knows no {resource.plural}.{resource.group}: {_TO_INSTALL[resource]} and start again"
    return str(error)


async def run(config: OperatorConfig, kubeconfig: str | None = None, context: str | None = None) -> int:
    """Run the operator. Returns its exit status. Raises ConnectionProblemError without a way to an API server."""
    logs.configure(config.logging.level)
    api = await connect(kubeconfig, context)
    reader = MetricsReader(config.prometheus)
    try:
        return await Operator(config, api, Brain(decide, due, watch_of), reader).run()
    finally:
        reader.close()
        await api.close()
