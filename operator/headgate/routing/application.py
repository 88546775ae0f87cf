"""Meters of counters that the application itself exports: pods' names tell the two versions apart."""

import re

from headgate.api.spec import ApplicationMetrics
from headgate.routing.meter import Matcher, Meter
from headgate.routing.route import Route

_LONGEST_STEM = 58
LONGEST_TARGET = 52
"""Characters that a Deployment's name may have here: what follows in its pods' names, cut by the API server, then still
has five of the hash that tells two versions apart."""


def application_meters(route: Route, metrics: ApplicationMetrics | None = None) -> tuple[Meter, Meter]:
    """The series of stable and of the candidate in the application's own counters."""
    names = metrics or ApplicationMetrics()
    return _meter(route, route.stable.revision, names), _meter(route, route.candidate.revision, names)


def _meter(route: Route, revision: str, names: ApplicationMetrics) -> Meter:
    stem = f"{route.target}-{revision}-"[:_LONGEST_STEM]
    return Meter(
        requests=names.requests,
        code_label=names.code_label,
        durations=names.durations,
        pod_label=names.pod_label,
        matchers=(
            Matcher(names.pod_label, "=~", f"{re.escape(stem)}[a-z0-9]+"),
            Matcher(names.namespace_label, "=", route.namespace),
        ),
    )
