"""Series of Traefik's Gateway provider: `httproute-<namespace>-<route>-gw-...-svc-<namespace>-<service>-<index>`.

traefik/traefik, pkg/provider/kubernetes/gateway/httproute.go. What stands between changes with the Gateway, the
listener, and the rule. A write is followed within its providersThrottleDuration, 2 s.
"""

from headgate.routing.meter import Meter
from headgate.routing.proxies.traefik import plain, service_meter
from headgate.routing.route import Backend, Route


def meter(route: Route, version: Backend) -> Meter:
    """The series of a version, by the user's route and ours."""
    routes = (route.entry_name, route.candidate.service)
    names = "|".join(plain(f"httproute-{route.namespace}-{name}") for name in routes)
    service = plain(f"svc-{route.namespace}-{version.service}")
    return service_meter(f"({names})-gw-.+-{service}-[0-9]+@kubernetesgateway")
