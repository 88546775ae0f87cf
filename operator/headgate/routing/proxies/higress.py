"""Series of Higress, an Envoy with Istio's names: `outbound|<port>||<service>.<namespace>.svc.cluster.local`.

alibaba/higress, pkg/ingress/kube/annotations/canary.go (weights) and helm/core/templates/configmap.yaml (all series);
higress-group/istio, tools/packaging/common/higress_envoy_bootstrap.json (labels). Statuses are told by class; older
versions have the same counter by code, too, which must not be added. What is counted apart of some requests has a name
that goes on: those that were sent again before their last answer (`.retry`), and those from within (`.internal`). A
write is pushed 0.1 s after the last one, but while there are more of them up to 10 s after the first (istio/istio,
PILOT_DEBOUNCE_MAX).
"""

import re

from headgate.routing.ingress_paths import ports_of
from headgate.routing.meter import Matcher, Meter
from headgate.routing.proxies.envoy import envoy_meter
from headgate.routing.route import Backend, Route


def meter(route: Route, version: Backend) -> Meter:
    """The series of a version."""
    # A port's name is resolved by Higress; which number it got cannot be told here.
    ports = "|".join(port if port.isdigit() else "[0-9]+" for port in ports_of(route))
    host = re.escape(f"{version.service}.{route.namespace}.svc.cluster.local")
    cluster = Matcher("cluster_name", "=~", rf"outbound\|({ports})\|\|{host}")
    return envoy_meter(cluster, code_label="response_code_class")
