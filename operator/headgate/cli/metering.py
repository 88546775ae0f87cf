"""Which series a release's service has in Prometheus, as far as file and cluster tell."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from headgate.api.fields import Manifest
from headgate.api.spec import EntryRef
from headgate.cli.subject import Subject
from headgate.metrics.watch import Watch
from headgate.routing import http_rules, ingress_paths
from headgate.routing.application import application_meters, counters_of
from headgate.routing.http_route import HttpRouteRouter
from headgate.routing.ingress import IngressRouter
from headgate.routing.meter import Matcher, Meter
from headgate.routing.naming import candidate_service
from headgate.routing.proxies import GATEWAYS, PROXIES
from headgate.routing.route import Backend, Route
from headgate.routing.selector import SelectorRouter

_ANY_PORT, _ANY_PORTS_PATTERN = "0anyport0", "[a-z0-9]+"
_ANY_REVISION = "0anyrevision0"


@dataclass(frozen=True)
class Metering:
    """One way in which the service may be counted."""

    name: str
    stable: Meter
    candidate: Meter
    past: Meter
    """Stable's series over a long time, in which several versions may have been stable."""
    settle: float
    """Seconds that a change of weight takes to be in force."""
    pods: bool
    """The series tell pods apart."""

    def watch(self, subject: Subject, since: float, *, past: bool = True) -> Watch:
        """What is to be read: of the past in general, or of the two versions that the status names."""
        analysis = subject.spec.analysis
        return Watch(
            key=(subject.release.namespace, subject.release.name),
            prometheus=analysis.prometheus,
            stable=self.past if past else self.stable,
            candidate=self.candidate,
            since=since,
            marks=(),
            interval=analysis.interval,
            latency=analysis.latency.below if analysis.latency else None,
        )


def meterings(subject: Subject, proxy: str | None) -> Iterator[Metering]:
    """The ways in which the service may be counted, the likeliest first; `proxy` picks one of an entry."""
    spec, route = subject.spec, _route(subject)
    entry, counters = spec.traffic.entry, counters_of(spec.analysis)
    if counters or entry is None:
        stable, candidate = application_meters(route, counters)
        settle = (SelectorRouter() if entry is None else next(_routers(entry))).settle
        yield Metering(
            spec.analysis.mesh or "the application", stable, candidate, _any_revision(route, stable), settle, pods=True
        )
        return
    for by_proxy in _routers(entry):
        if proxy in {None, by_proxy.implementation}:
            yield _counted(by_proxy, route)


def _routers(entry: EntryRef) -> Iterator[IngressRouter | HttpRouteRouter]:
    """A router for each proxy that may serve such an entry."""
    return map(HttpRouteRouter, GATEWAYS) if entry.kind == "HTTPRoute" else map(IngressRouter, PROXIES)


def _counted(router: IngressRouter | HttpRouteRouter, route: Route) -> Metering:
    stable, candidate = (_any_port(meter) for meter in router.meters(route))
    return Metering(router.implementation, stable, candidate, stable, router.settle, pods=False)


def _route(subject: Subject) -> Route:
    release, spec, status = subject.release, subject.spec, subject.release.status
    service = release.service
    route = Route(
        namespace=release.namespace,
        release=release.name,
        uid=release.uid,
        target=spec.target_ref.name,
        service=service,
        stable=Backend(service, status.stable.revision if status.stable else _ANY_REVISION),
        candidate=Backend(candidate_service(service), status.candidate.revision if status.candidate else _ANY_REVISION),
        entry=subject.entry,
    )
    leads = any(ports(route) for ports in (ingress_paths.ports_of, http_rules.ports_of))
    return route if leads or spec.traffic.entry is None else replace(route, entry=_any(spec.traffic.entry, service))


def _any(entry: EntryRef, service: str) -> Manifest:
    """An entry that leads to a port of the Service of which the file tells nothing."""
    backend = {"service": {"name": service, "port": {"name": _ANY_PORT}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    rule = {"http": {"paths": [path]}, "backendRefs": [{"name": service, "port": _ANY_PORT}]}
    return {"kind": entry.kind, "metadata": {"name": entry.name}, "spec": {"rules": [rule]}}


def _any_port(meter: Meter) -> Meter:
    """The meter with a pattern where the file does not tell the port."""
    matchers = (replace(one, value=one.value.replace(_ANY_PORT, _ANY_PORTS_PATTERN)) for one in meter.matchers)
    return replace(meter, matchers=tuple(matchers))


def _any_revision(route: Route, meter: Meter) -> Meter:
    """The meter of all pods of the Deployment: in a day several versions may have been stable."""
    first = meter.matchers[0]
    pattern = f"{re.escape(route.target)}-[a-z0-9]+-[a-z0-9]+"
    return replace(meter, matchers=(Matcher(first.label, "=~", pattern), *meter.matchers[1:]))
