"""Series of ingress-nginx, scraped with honorLabels: only `canary` tells the two versions apart.

kubernetes/ingress-nginx, internal/ingress/metric/collectors/socket.go. It takes a write up every 3.3 s, and its
balancer every further second.
"""

from headgate.routing.ingress_paths import ports_of
from headgate.routing.meter import Matcher, Meter
from headgate.routing.route import Route


def meters(route: Route) -> tuple[Meter, Meter]:
    """The series of stable and of the candidate."""
    upstreams = "|".join(f"{route.namespace}-{route.candidate.service}-{port}" for port in ports_of(route))
    return _meter(route, ""), _meter(route, f"({upstreams})")


def _meter(route: Route, canary: str) -> Meter:
    return Meter(
        requests="nginx_ingress_controller_requests",
        code_label="status",
        durations="nginx_ingress_controller_request_duration_seconds",
        matchers=(
            Matcher("ingress", "=", route.entry_name),
            Matcher("namespace", "=", route.namespace),
            Matcher("canary", "=~", canary),
        ),
    )
