"""The shell around `decide`, with everything that can go wrong in it: crashes, failed calls, a silent Prometheus."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from headgate.analysis.interval_log import IntervalLog
from headgate.api.names import FIELD_MANAGER, KIND, RELEASE_LABEL
from headgate.api.release import Release, read_release
from headgate.api.status import Status
from headgate.controller.metering import watch_of
from headgate.release.decision import Action, Apply, Decision, Delete, Event, Fact, Patch
from headgate.release.machine import decide
from headgate.release.observation import Metrics, Observation
from headgate.release.reporting import due
from headgate.routing.http_route import HttpRouteRouter
from headgate.routing.ingress import IngressRouter
from headgate.routing.route import Router
from headgate.routing.selector import SelectorRouter
from headgate.routing.service import read_service
from headgate.workloads.autoscaler import autoscaler_among
from headgate.workloads.deployment import read_deployment
from headgate.workloads.replica_set import read_replica_set
from tests.simulation.api_server import ApiServer, ConflictError
from tests.simulation.controllers import Controllers
from tests.simulation.proxy import Proxy

_MOST_TICKS = 60
CHECK = 15.0
"""Seconds between two looks at the metrics."""


class CrashError(Exception):
    """The operator's process dies before its next call."""


class RefusedError(Exception):
    """The API server answers 500, or not at all."""


@dataclass
class Operator:
    """One leader: its memory is lost in a crash, its status in the API server is not."""

    api: ApiServer
    controllers: Controllers
    proxy: Proxy
    policies: bool = True
    fault: Callable[[int], None] = lambda _: None
    """Called before each API call with its number; raises CrashError or RefusedError."""
    on_call: Callable[[Action | Status, Release, Observation, float], None] = lambda *_: None
    silent_since: float | None = None
    problems: dict[str, str] = field(default_factory=dict)
    """Why an objective can't be judged, by its name."""
    events: list[Event] = field(default_factory=list)
    calls: itertools.count = field(default_factory=itertools.count)  # type: ignore[type-arg]
    status: Status | None = None
    written_at: float = float("-inf")
    write_at: float = float("inf")
    wake_at: float = 0.0
    down_until: float = 0.0
    check_at: float = 0.0
    checking: bool = False
    signs: tuple[object, ...] = ()
    log: IntervalLog | None = None
    metrics: Metrics = field(default_factory=Metrics)

    def run(self, now: float) -> None:
        """Ticks until nothing is left to do, if anything happened, is due or is to be checked."""
        signs = self._signs(now)
        if now < self.down_until or (signs == self.signs and now < min(self.wake_at, self.check_at)):
            return
        if now >= self.check_at:
            self.check_at, self.checking = now + CHECK, True
        try:
            self._ticks(now)
        except CrashError:
            self.status, self.log, self.metrics = None, None, Metrics()
            self.down_until, self.check_at = now + 3.0, 0.0
        except (RefusedError, ConflictError):
            self.down_until = now + 1.0
        else:
            self.signs = self._signs(now)

    def _signs(self, now: float) -> tuple[object, ...]:
        """What a watch would have told: any write, any pod that became ready or left."""
        ready = frozenset(pod.name for pod in self.controllers.ready({}, now))
        return self.api.version, ready, self.silent_since

    def _ticks(self, now: float) -> None:
        for _ in range(_MOST_TICKS):
            if not self._tick(now):
                return
        raise AssertionError(f"the operator still finds something to do after {_MOST_TICKS} ticks at {now:.0f} s")

    def _tick(self, now: float) -> bool:
        """One observe, decide, act; whether another should follow at once."""
        release = self._release()
        if release is None:
            return False
        looked: frozenset[Fact] = frozenset()
        while True:
            self.controllers.run(now)
            seen = self._observe(release, looked, now)
            decision = decide(release, seen, now)
            assert decide(release, seen, now) == decision, "the same inputs must give the same decision"
            if not decision.look:
                break
            assert not decision.look <= looked, f"{decision.look} was looked up already"
            looked |= decision.look
            self._call()
        self._act(decision, release, seen, now)
        self.wake_at = min(decision.wake_at or float("inf"), self.write_at)
        return decision.again

    def _release(self) -> Release | None:
        manifest = self.api.get(KIND, "shop")
        if manifest is None:
            return None
        release = read_release(manifest)
        return release.model_copy(update={"status": self.status}) if self.status else release

    def _call(self) -> None:
        self.fault(next(self.calls))

    def _act(self, decision: Decision, release: Release, seen: Observation, now: float) -> None:
        old = self.status or release.status
        for action in decision.first:
            self._do(action, release, seen, now)
        persisted = read_release(self.api.get(KIND, "shop") or {}).status if self.api.get(KIND, "shop") else old
        self.write_at = due(persisted, decision.status, self.written_at)
        if self.write_at <= now:
            assert Status.model_validate(decision.status.manifest()) == decision.status, "a status is read as written"
            self.on_call(decision.status, release, seen, now)
            self._call()
            self.api.merge(KIND, "shop", {"status": decision.status.manifest()}, FIELD_MANAGER, "status")
            self.written_at, self.write_at = now, float("inf")
        self.status = decision.status
        for action in decision.actions:
            self._do(action, release, seen, now)

    def _do(self, action: Action, release: Release, seen: Observation, now: float) -> None:
        self.on_call(action, release, seen, now)
        if isinstance(action, Event):
            self.events.append(action)
            return
        self._call()
        match action:
            case Apply(manifest):
                self.api.apply(manifest, FIELD_MANAGER)
            case Patch(ref, "merge", body, _):
                self.api.merge(ref.kind, ref.name, body, FIELD_MANAGER)
            case Patch(ref, "json", body, _):
                self.api.json(ref.kind, ref.name, body, FIELD_MANAGER)
            case Delete(ref, uid):
                self.api.delete(ref.kind, ref.name, uid)

    def _observe(self, release: Release, looked: frozenset[Fact], now: float) -> Observation:
        named, entry = release.entrances
        target, service = self.api.get("Deployment", "shop"), self.api.get("Service", named)
        sets = [read_replica_set(item) for item in self.api.every("ReplicaSet")]
        canary = self.api.get("Service", "shop-canary")
        seen = Observation(
            router=self._router(release),
            target=read_deployment(target) if target else None,
            service=read_service(service) if service else None,
            entry=self.api.get(entry.kind, entry.name) if entry else None,
            candidate=next((item for item in sets if item.release == "shop"), None),
            ours=tuple(
                item
                for kind in ("Service", "Ingress", "HTTPRoute")
                for item in self.api.every(kind)
                if (item["metadata"].get("labels") or {}).get(RELEASE_LABEL) == "shop"
            ),
            endpoints=self._ready(canary, now),
            policies=self.policies,
        )
        facts: dict[str, Any] = {
            "replica_sets": tuple(sets),
            "stable_endpoints": self._ready(service, now),
            "autoscaler": autoscaler_among(self.api.every("HorizontalPodAutoscaler"), "shop") or "none",
        }
        return replace(seen, metrics=self._metrics(release, seen), **{name: facts[name] for name in looked})

    def _router(self, release: Release) -> Router:
        entry = release.spec.traffic.entry if release.spec else None
        routers: dict[str, Router] = {"Ingress": IngressRouter(), "HTTPRoute": HttpRouteRouter()}
        return routers[entry.kind] if entry else SelectorRouter()

    def _ready(self, service: dict[str, Any] | None, now: float) -> frozenset[str]:
        if service is None:
            return frozenset()
        return frozenset(pod.name for pod in self.controllers.ready(service["spec"]["selector"], now))

    def _metrics(self, release: Release, seen: Observation) -> Metrics:
        """What the metrics room would say: the log goes on where it was, or is read anew after a restart."""
        watch = watch_of(release, seen)
        if watch is None:
            self.log = None
            return Metrics()
        if self.log is not None and not self.checking:
            return self.metrics
        self.checking = False
        problem = "Prometheus does not answer" if self.silent_since is not None else ""
        marked = self.log.marked(watch.marks) if self.log else None
        log = marked or IntervalLog(watch.interval, watch.marks)
        if not problem:
            log = log.extend(self.proxy.series(marked.newest if marked else watch.since - 60.0))
            problem = "" if log.seen else "Prometheus has no series"
        self.log = log
        self.metrics = Metrics(intervals=log.intervals, problem=problem, problems=self.problems)
        return self.metrics
