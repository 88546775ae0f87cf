"""Series of Contour's Envoys, one cluster for each port of a Service: `<namespace>_<service>_<port>`.

projectcontour/contour, internal/envoy/cluster.go (AltStatName). A write is pushed within half a second (its
hold-off), and taken over by each Envoy in the moment it gets it.
"""

import re

from headgate.routing.http_rules import ports_of
from headgate.routing.meter import Matcher, Meter
from headgate.routing.proxies.envoy import envoy_meter
from headgate.routing.route import Backend, Route


def meter(route: Route, version: Backend) -> Meter:
    """The series of a version."""
    service = re.escape(f"{route.namespace}_{version.service}")
    return envoy_meter(Matcher("envoy_cluster_name", "=~", f"{service}_({'|'.join(ports_of(route))})"))
