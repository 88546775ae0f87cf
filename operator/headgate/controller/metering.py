"""What Prometheus is to be asked for a release that moves."""

from headgate.api.release import Release
from headgate.api.spec import Spec
from headgate.metrics.watch import Watch, expand
from headgate.release.observation import Observation
from headgate.release.stage import UNDECIDED
from headgate.release.tick import Tick
from headgate.routing.application import application_meters, counters_of


def watch_of(release: Release, seen: Observation) -> Watch | None:
    """The reading a release needs now; None before its candidate got traffic, once it is decided, and at rest."""
    spec, progress = release.spec, release.status.progress
    if spec is None or progress is None or not progress.marks or progress.stage not in UNDECIDED:
        return None
    if not spec.analysis.enabled:
        return None
    tick = Tick(release, release.status, seen, now=progress.since)
    route = tick.route(progress.weight)
    counters = counters_of(spec.analysis)
    stable, candidate = application_meters(route, counters) if counters else seen.router.meters(route)
    return Watch(
        key=(release.namespace, release.name),
        prometheus=spec.analysis.prometheus,
        stable=stable,
        candidate=candidate,
        since=min(progress.started_at, progress.marks[0].at),
        marks=progress.marks,
        interval=spec.analysis.interval,
        latency=spec.analysis.latency.below if spec.analysis.latency else None,
        queries=_queries(spec, tick),
    )


def _queries(spec: Spec, tick: Tick) -> tuple[tuple[str, str], ...]:
    """Name and PromQL of the spec's queries, about these two versions."""
    variables = {
        "candidate": tick.candidate.revision,
        "stable": tick.stable.revision,
        "namespace": tick.release.namespace,
        "service": tick.service,
    }
    return tuple((query.name, expand(query.query, variables)) for query in spec.analysis.queries)
