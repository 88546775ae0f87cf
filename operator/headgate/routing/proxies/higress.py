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
from headgate.routing.route import Backend, Route


def meters(route: Route) -> tuple[Meter, Meter]:
    """The series of stable and of the candidate."""
    return _meter(route, route.stable), _meter(route, route.candidate)


def _meter(route: Route, version: Backend) -> Meter:
    # A port's name is resolved by Higress; which number it got cannot be told here.
    ports = "|".join(port if port.isdigit() else "[0-9]+" for port in ports_of(route))
    host = re.escape(f"{version.service}.{route.namespace}.svc.cluster.local")
    return Meter(
        requests="envoy_cluster_upstream_rq",
        code_label="response_code_class",
        durations="envoy_cluster_upstream_rq_time",
        seconds_per_unit=0.001,
        matchers=(Matcher("cluster_name", "=~", rf"outbound\|({ports})\|\|{host}"),),
    )
