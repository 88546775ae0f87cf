"""Weights by HTTPRoute, the Gateway API's way to a Service: gateway-api.sigs.k8s.io/reference/spec."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from headgate.api.fields import Manifest
from headgate.routing.http_rules import HEADER, backends_of, copied, matches_of, rules_of, serves, share_in
from headgate.routing.proxies import GATEWAYS, Gateway, Proxy
from headgate.routing.route import Route
from headgate.routing.second_object import SecondObjectRouter

_MOST_BACKENDS = 16
_MOST_HEADERS = 16
_MOST_WEIGHT = 10_000


@dataclass(frozen=True)
class HttpRouteRouter(SecondObjectRouter):
    """Weights by a second HTTPRoute. `implementation` is who serves the Gateway: series and settle depend on it."""

    name: ClassVar[str] = "httpRoute"
    api_version: ClassVar[str] = "gateway.networking.k8s.io/v1"
    kind: ClassVar[str] = "HTTPRoute"
    implementation: Gateway = "Traefik"

    @property
    def proxy(self) -> Proxy:
        return GATEWAYS[self.implementation]

    def misfits(self, route: Route, entry: Manifest) -> Sequence[str]:
        name, rules = entry["metadata"]["name"], rules_of(entry)
        if not any(serves(rule, route) for rule in rules):
            return [
                f"httproute {name} has no backendRef to service {route.service}:"
                f" add one, or set traffic.service to the service it leads to"
            ]
        problems = list(_oversized(name, rules, route))
        if any(parent.get("kind") == "Service" for parent in entry["spec"].get("parentRefs") or ()):
            problems.append(f"httproute {name} has a service as its parent: only a gateway's requests can be split")
        if not _accepted(entry):
            problems.append(f"no gateway has accepted httproute {name}: see its status.parents for the reason")
        return problems

    def second(self, route: Route, entry: Manifest) -> Manifest | None:
        rules = list(copied(route))
        return {**entry["spec"], "rules": self.proxy.told_apart(rules)} if rules else None

    def weight_in(self, route: Route, live: Manifest) -> int:
        return share_in(rules_of(live), route)

    def unaccepted(self, route: Route, live: Manifest) -> str:
        """Whoever accepts the user's route must have accepted the second one as it is now."""
        generation = live["metadata"].get("generation", 0)
        parents = (live.get("status") or {}).get("parents") or ()
        for controller, parent in _accepted(route.entry or {}):
            said = [one for one in parents if (one["controllerName"], one["parentRef"]) == (controller, parent)]
            for condition in ("Accepted", "ResolvedRefs"):
                if trouble := _trouble(said[0] if said else {}, condition, generation):
                    return f"gateway {parent['name']} has not accepted httproute {route.candidate.service}: {trouble}"
        return ""


def _accepted(entry: Manifest) -> list[tuple[str, Manifest]]:
    """The controllers and parents that accept an HTTPRoute."""
    parents = (entry.get("status") or {}).get("parents") or ()
    return [(one["controllerName"], one["parentRef"]) for one in parents if not _trouble(one, "Accepted", 0)]


def _trouble(said: Manifest, condition: str, generation: int) -> str:
    """Why a condition of a parent does not hold for a generation; empty where it does."""
    found = next((one for one in said.get("conditions") or () if one["type"] == condition), None)
    if found is None or found.get("observedGeneration", 0) < generation:
        return "it has not looked at it yet"
    return "" if found["status"] == "True" else f"{found['reason']}: {found['message']}"


def _oversized(name: str, rules: Sequence[Manifest], route: Route) -> Iterator[str]:
    """What has no room for one backend, one header or two digits of weight more."""
    for number, rule in enumerate(rules, 1):
        backends, where = backends_of(rule), f"rule {number} of httproute {name}"
        if not serves(rule, route):
            continue
        if len(backends) >= _MOST_BACKENDS:
            yield f"{where} has {len(backends)} backends: leave room for the candidate's"
        if any(one.get("weight", 1) > _MOST_WEIGHT for one in backends):
            yield f"{where} has a weight above {_MOST_WEIGHT}, which cannot be divided: give it smaller ones"
        headers = [[one["name"].lower() for one in match.get("headers") or ()] for match in matches_of(rule)]
        if any(HEADER.lower() in names or len(names) >= _MOST_HEADERS for names in headers):
            yield f"{where} matches {HEADER} or {_MOST_HEADERS} headers: the candidate's route needs to match it, too"
