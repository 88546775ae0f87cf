"""Meters of counters by pod, the application's own or those of a mesh: pods' names tell the two versions apart."""

import re
from collections.abc import Iterator

from headgate.api.spec import Analysis, ApplicationMetrics
from headgate.routing.mesh import MESHES
from headgate.routing.meter import Matcher, Meter
from headgate.routing.route import Route

_LONGEST_STEM = 58
LONGEST_TARGET = 52
"""Characters that a Deployment's name may have here: what follows in its pods' names, cut by the API server, then still
has five of the hash that tells two versions apart."""
_SECONDS = {"s": 1.0, "ms": 0.001}


def counters_of(analysis: Analysis) -> ApplicationMetrics | None:
    """The counters by pod that a spec chooses; None where it leaves them to the router."""
    return MESHES[analysis.mesh] if analysis.mesh else analysis.application


def application_meters(route: Route, metrics: ApplicationMetrics | None = None) -> tuple[Meter, Meter]:
    """The series of stable and of the candidate in counters by pod."""
    names = metrics or ApplicationMetrics()
    return _meter(route, route.stable.revision, names), _meter(route, route.candidate.revision, names)


def _meter(route: Route, revision: str, names: ApplicationMetrics) -> Meter:
    stem = f"{route.target}-{revision}-"[:_LONGEST_STEM]
    return Meter(
        requests=names.requests,
        code_label=names.code_label,
        durations=names.durations,
        seconds_per_unit=_SECONDS[names.unit],
        pod_label=names.pod_label,
        grpc_label=names.grpc_label or "",
        failures=frozenset(names.failures),
        matchers=(
            Matcher(names.pod_label, "=~", f"{re.escape(stem)}[a-z0-9]+"),
            Matcher(names.namespace_label, "=", route.namespace),
            *_chosen(names),
        ),
    )


def _chosen(names: ApplicationMetrics) -> Iterator[Matcher]:
    """What further labels must be and must not be."""
    yield from (Matcher(label, "=", value) for label, value in names.labels.items())
    for label, values in names.without.items():
        yield Matcher(label, "!~", "|".join(map(re.escape, values)))
