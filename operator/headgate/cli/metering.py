"""Which series a release's service has in Prometheus, as far as file and cluster tell."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from headgate.cli.subject import Subject
from headgate.metrics.watch import Watch
from headgate.routing.application import application_meters, counters_of
from headgate.routing.ingress import IngressRouter, read_entry
from headgate.routing.meter import Matcher, Meter
from headgate.routing.naming import candidate_service
from headgate.routing.proxies import PROXIES
from headgate.routing.route import Backend, Entry, Path, Route
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
    """The ways in which the service may be counted, the likeliest first; `proxy` picks one of an Ingress."""
    spec, route = subject.spec, _route(subject)
    router = SelectorRouter() if spec.traffic.ingress is None else None
    counters = counters_of(spec.analysis)
    if counters or router:
        stable, candidate = application_meters(route, counters)
        settle = router.settle if router else IngressRouter().settle
        yield Metering(
            spec.analysis.mesh or "the application", stable, candidate, _any_revision(route, stable), settle, pods=True
        )
        return
    for implementation in PROXIES:
        if proxy in {None, implementation}:
            yield _ingress(IngressRouter(implementation), route)


def _ingress(router: IngressRouter, route: Route) -> Metering:
    stable, candidate = (_any_port(meter) for meter in router.meters(route))
    return Metering(router.implementation, stable, candidate, stable, router.settle, pods=False)


def _route(subject: Subject) -> Route:
    release, spec, status = subject.release, subject.spec, subject.release.status
    service, entry = release.service, None
    if subject.ingress is not None:
        entry = read_entry(subject.ingress, service)
    if spec.traffic.ingress and (entry is None or not entry.paths):
        entry = Entry(spec.traffic.ingress, None, (Path("", "/", "Prefix", _ANY_PORT),))
    return Route(
        namespace=release.namespace,
        release=release.name,
        uid=release.uid,
        target=spec.target_ref.name,
        service=service,
        stable=Backend(service, status.stable.revision if status.stable else _ANY_REVISION),
        candidate=Backend(candidate_service(service), status.candidate.revision if status.candidate else _ANY_REVISION),
        entry=entry,
    )


def _any_port(meter: Meter) -> Meter:
    """The meter with a pattern where the file does not tell the Ingress's port."""
    matchers = (replace(one, value=one.value.replace(_ANY_PORT, _ANY_PORTS_PATTERN)) for one in meter.matchers)
    return replace(meter, matchers=tuple(matchers))


def _any_revision(route: Route, meter: Meter) -> Meter:
    """The meter of all pods of the Deployment: in a day several versions may have been stable."""
    first = meter.matchers[0]
    pattern = f"{re.escape(route.target)}-[a-z0-9]+-[a-z0-9]+"
    return replace(meter, matchers=(Matcher(first.label, "=~", pattern), *meter.matchers[1:]))
