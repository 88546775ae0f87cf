"""The rules of a user's HTTPRoute, and their copies in which the candidate takes its share.

Which of two HTTPRoutes gets a request is decided by the most specific match: the longer path, then the method, then the
number of headers, then of query parameters; only then the older route (gateway-api.sigs.k8s.io, HTTPRouteRule.matches).
So a copy that asks for one header more wins, where every request bears that header. Each proxy sets
X-Forwarded-Proto before it looks for a route: Traefik in pkg/middlewares/forwardedheaders, Envoy in
source/common/http/conn_manager_utility.cc.

Copied is what has a path in common with what leads to the Service, be its backend another one: it would else lose to
the copies.
"""

from collections.abc import Iterator, Mapping

from headgate.api.fields import Manifest
from headgate.routing.route import Route

HEADER = "X-Forwarded-Proto"
_EVERY_REQUEST = {"type": "RegularExpression", "name": HEADER, "value": ".+"}
_ANY_PATH = {"path": {"type": "PathPrefix", "value": "/"}}


def rules_of(entry: Manifest | None) -> list[Manifest]:
    """The rules of an HTTPRoute; none without one."""
    rules: list[Manifest] = ((entry or {}).get("spec") or {}).get("rules") or []
    return rules


def matches_of(rule: Manifest) -> list[Manifest]:
    """What a rule takes; without any match that is everything."""
    return rule.get("matches") or [_ANY_PATH]


def backends_of(rule: Manifest) -> list[Manifest]:
    return rule.get("backendRefs") or []


def leads(backend: Manifest, route: Route, service: str) -> bool:
    """Whether a backendRef means that Service of the release's namespace."""
    what = (backend.get("group", ""), backend.get("kind", "Service"))
    where = backend.get("namespace", route.namespace)
    return what == ("", "Service") and (where, backend["name"]) == (route.namespace, service)


def serves(rule: Manifest, route: Route) -> bool:
    """Whether a rule leads to the release's Service, be it beside others."""
    return any(leads(one, route, route.service) for one in backends_of(rule))


def copied(route: Route) -> Iterator[Manifest]:
    """The copies, in the order of the user's rules."""
    rules = rules_of(route.entry)
    paths = [_path_of(match) for rule in rules if serves(rule, route) for match in matches_of(rule)]
    for rule in rules:
        if matches := [match for match in matches_of(rule) if _path_of(match) in paths]:
            split = {"backendRefs": list(_split(rule, route))} if backends_of(rule) else {}
            yield {**rule, "matches": [_narrowed(match) for match in matches], **split}


def ports_of(route: Route) -> list[str]:
    """Numbers of the Service's ports that the rules lead to."""
    refs = (one for rule in rules_of(route.entry) for one in backends_of(rule))
    return sorted({str(one["port"]) for one in refs if leads(one, route, route.service) and "port" in one})


def share_in(rules: list[Manifest], route: Route) -> int:
    """The candidate's share of what goes to the two versions, in percent."""
    for rule in rules:
        found: Mapping[str, int] = {one["name"]: one.get("weight", 1) for one in backends_of(rule)}
        stable, candidate = found.get(route.stable.service, 0), found.get(route.candidate.service, 0)
        if stable + candidate:
            return round(100 * candidate / (stable + candidate))
    return 0


def _path_of(match: Manifest) -> tuple[str, str]:
    path = match.get("path") or _ANY_PATH["path"]
    return path.get("type", "PathPrefix"), path.get("value", "/")


def _narrowed(match: Manifest) -> Manifest:
    return {**match, "headers": [*(match.get("headers") or ()), _EVERY_REQUEST]}


def _split(rule: Manifest, route: Route) -> Iterator[Manifest]:
    """The backends of a rule: each that is the Service as both versions, the weights between backends kept."""
    for backend in backends_of(rule):
        weight = backend.get("weight", 1)
        if leads(backend, route, route.service):
            yield {**backend, "weight": weight * route.stable.weight}
            yield {**backend, "name": route.candidate.service, "weight": weight * route.candidate.weight}
        else:
            yield {**backend, "weight": weight * 100}
