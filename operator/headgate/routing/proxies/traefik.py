"""Series of Traefik's ingress-nginx provider: `<namespace>-<ingress>-<service>-<port>[-canary]@kubernetesingressnginx`.

The candidate's series bear the names of the main Ingress and the stable Service too: so they were seen on 3.7.13. It
follows a write within its providersThrottleDuration, 2 s.
"""

import re

from headgate.routing.ingress_paths import ports_of
from headgate.routing.meter import Matcher, Meter
from headgate.routing.route import Route


def meters(route: Route) -> tuple[Meter, Meter]:
    """The series of stable and of the candidate."""
    return _meter(route, ""), _meter(route, "-canary")


def _meter(route: Route, suffix: str) -> Meter:
    ingress = f"{route.namespace}-{route.entry_name}-{route.service}"
    names = [plain(f"{ingress}-{port}") for port in ports_of(route)]
    return service_meter(f"({'|'.join(names)}){suffix}@kubernetesingressnginx")


def plain(name: str) -> str:
    """As Traefik writes a name: letters and digits, and one dash for anything between."""
    return "-".join(re.findall(r"[^\W_]+", name))


def service_meter(pattern: str) -> Meter:
    """The series of the services whose names in Traefik match."""
    return Meter(
        requests="traefik_service_requests_total",
        code_label="code",
        durations="traefik_service_request_duration_seconds",
        matchers=(Matcher("service", "=~", pattern),),
    )
