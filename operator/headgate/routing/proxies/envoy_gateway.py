"""Series of Envoy Gateway: a cluster for each rule, and for each backend where backends have filters of their own.

envoyproxy/gateway, internal/ir/xds.go and internal/gatewayapi/helpers.go (names); without such filters all backends of
a rule are one cluster, and no series tells them apart (its issues 6742 and 7017). So each backend of ours sets a header
that says which version answers.
"""

import re
from collections.abc import Iterator

from headgate.api.fields import Manifest
from headgate.routing.http_rules import backends_of, copied, leads, rules_of
from headgate.routing.meter import Matcher, Meter
from headgate.routing.proxies.envoy import envoy_meter
from headgate.routing.route import Route

_HEADER = "X-Headgate-Service"


def told_apart(rules: list[Manifest]) -> list[Manifest]:
    """The rules, each of their backends with a filter of its own."""
    return [
        {**rule, "backendRefs": [_labelled(one) for one in backends_of(rule)]} if backends_of(rule) else rule
        for rule in rules
    ]


def _labelled(backend: Manifest) -> Manifest:
    header = {"set": [{"name": _HEADER, "value": backend["name"]}]}
    label = {"type": "RequestHeaderModifier", "requestHeaderModifier": header}
    filters = backend.get("filters") or []
    # A second filter of the same kind is refused.
    return backend if filters else {**backend, "filters": [label]}


def meters(route: Route) -> tuple[Meter, Meter]:
    """The series of stable, by the user's route and ours, and of the candidate."""
    candidate = list(_clusters(route, route.candidate.service))
    stable = [*_clusters(route, route.stable.service), *_alone(route)]
    return _meter(stable), _meter(candidate)


def _meter(clusters: list[str]) -> Meter:
    return envoy_meter(Matcher("envoy_cluster_name", "=~", "|".join(map(re.escape, clusters))))


def _clusters(route: Route, service: str) -> Iterator[str]:
    """The clusters of a Service in the route of ours."""
    for number, rule in enumerate(copied(route)):
        for place, backend in enumerate(backends_of(rule)):
            if leads(backend, route, service):
                yield f"httproute/{route.namespace}/{route.candidate.service}/rule/{number}/backend/{place}"


def _alone(route: Route) -> Iterator[str]:
    """The clusters of the user's own rules that lead to the Service alone."""
    for number, rule in enumerate(rules_of(route.entry)):
        backends = backends_of(rule)
        if len(backends) == 1 and leads(backends[0], route, route.service):
            yield f"httproute/{route.namespace}/{route.entry_name}/rule/{number}"
