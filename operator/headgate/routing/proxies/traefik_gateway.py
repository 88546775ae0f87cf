"""Series of Traefik's Gateway provider: `httproute-<namespace>-<route>-gw-...-svc-<namespace>-<service>-<index>`.

traefik/traefik, pkg/provider/kubernetes/gateway/httproute.go. What stands between changes with the Gateway, the
listener, and the rule. A write is followed within its providersThrottleDuration, 2 s.
"""

import re

from headgate.routing.meter import Matcher, Meter
from headgate.routing.route import Backend, Route


def meters(route: Route) -> tuple[Meter, Meter]:
    """The series of stable, by the user's route and ours, and of the candidate."""
    return _meter(route, route.stable), _meter(route, route.candidate)


def _meter(route: Route, version: Backend) -> Meter:
    routes = (route.entry_name, route.candidate.service)
    names = "|".join(_plain(f"httproute-{route.namespace}-{name}") for name in routes)
    service = _plain(f"svc-{route.namespace}-{version.service}")
    return Meter(
        requests="traefik_service_requests_total",
        code_label="code",
        durations="traefik_service_request_duration_seconds",
        matchers=(Matcher("service", "=~", f"({names})-gw-.+-{service}-[0-9]+@kubernetesgateway"),),
    )


def _plain(name: str) -> str:
    """As Traefik writes a name: letters and digits, and one dash for anything between."""
    return "-".join(re.findall(r"[^\W_]+", name))
