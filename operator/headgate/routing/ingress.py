"""Weights by Ingress, in the dialect of ingress-nginx that Traefik 3.7 and others speak too.

A second Ingress with the same hosts and paths and canary annotations takes its share of the requests; the user's own
Ingress is never edited. At weight 0 there is no second Ingress: no object of ours names a Service without endpoints.
Annotations: kubernetes/ingress-nginx, docs/user-guide/nginx-configuration/annotations.md#canary.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from headgate.api.fields import Manifest
from headgate.api.ownership import owned_metadata
from headgate.routing.meter import Meter
from headgate.routing.naming import LONGEST_SERVICE, candidate_service
from headgate.routing.proxies import PROXIES, Implementation
from headgate.routing.route import Entry, Path, Route, Seen

_PREFIX = "nginx.ingress.kubernetes.io/"
_CANARY, _WEIGHT = _PREFIX + "canary", _PREFIX + "canary-weight"
_CLASS_ANNOTATION = "kubernetes.io/ingress.class"


def read_entry(ingress: Manifest, service: str) -> Entry:
    """The paths of an Ingress that lead to a Service, and its class."""
    spec, annotations = ingress.get("spec") or {}, ingress["metadata"].get("annotations") or {}
    return Entry(
        name=ingress["metadata"]["name"],
        class_name=spec.get("ingressClassName") or annotations.get(_CLASS_ANNOTATION),
        paths=tuple(
            Path(rule.get("host", ""), path.get("path", "/"), path["pathType"], _port_of(path))
            for rule in spec.get("rules") or ()
            for path in (rule.get("http") or {}).get("paths") or ()
            if (path["backend"].get("service") or {}).get("name") == service
        ),
        canary=annotations.get(_CANARY) == "true",
    )


def _port_of(path: Manifest) -> int | str:
    port: Manifest = path["backend"]["service"].get("port") or {}
    number: int | str = port.get("number") or port.get("name", "")
    return number


@dataclass(frozen=True)
class IngressRouter:
    """Weights by a second Ingress. `implementation` is who serves the class: series and settle time depend on it."""

    implementation: Implementation = "Traefik"
    name: str = "ingress"
    by_pods: bool = False

    @property
    def settle(self) -> float:
        return PROXIES[self.implementation].settle

    def problems(self, route: Route) -> Sequence[str]:
        entry = route.entry
        if entry is None:
            return ["no ingress is given"]
        problems = []
        if not entry.paths:
            problems.append(
                f"ingress {entry.name} has no path to service {route.service}:"
                f" add a rule with a path to it, or set traffic.service to the service it leads to"
            )
        if entry.canary:
            problems.append(f"ingress {entry.name} is itself a canary: set traffic.ingress to the main ingress")
        if len(route.candidate.service) > LONGEST_SERVICE:
            limit = LONGEST_SERVICE - len(candidate_service(""))
            problems.append(f"service name {route.service} is too long: {limit} characters leave room for its canary")
        return problems

    def render(self, route: Route) -> Sequence[Manifest]:
        if route.candidate.weight == 0 or route.entry is None or not route.entry.paths:
            return []
        metadata = owned_metadata(route.candidate.service, route.namespace, route.release, route.uid)
        metadata["annotations"] = {_CANARY: "true", _WEIGHT: str(route.candidate.weight)}
        spec: dict[str, Any] = {"rules": _rules(route.entry, route.candidate.service)}
        if route.entry.class_name is not None:
            spec["ingressClassName"] = route.entry.class_name
        return [{"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata, "spec": spec}]

    def pin(self, route: Route) -> str | None:
        return {"stable": route.stable.revision, "candidate": route.candidate.revision}.get(route.pinned)

    def size(self, weight: int, stable: int) -> int:
        return -(-weight * stable // 100)

    def share(self, weight: int, stable: int) -> int:  # noqa: ARG002 (the proxy splits, however many pods there are)
        return weight

    def observe(self, route: Route, live: Sequence[Manifest]) -> Seen:
        ingress = next((item for item in live if item["kind"] == "Ingress"), None)
        if ingress is None:
            return Seen(0, "missing", "its ingress is gone") if self.render(route) else Seen(0, "accepted")
        weight = _weight_of(ingress)
        for wanted in self.render(route):
            drift = _drift(wanted, ingress)
            return Seen(weight, "drifted", drift) if drift else Seen(weight, "accepted")
        return Seen(weight, "drifted", f"weight {weight} instead of 0")

    def meters(self, route: Route) -> tuple[Meter, Meter]:
        return PROXIES[self.implementation].meters(route)


def _rules(entry: Entry, service: str) -> list[Manifest]:
    """The entry's rules, one for each path, with the candidate's Service behind them."""
    rules = []
    for path in entry.paths:
        port = {"number": path.port} if isinstance(path.port, int) else {"name": path.port}
        backend = {"service": {"name": service, "port": port}}
        rule: Manifest = {"http": {"paths": [{"path": path.path, "pathType": path.path_type, "backend": backend}]}}
        rules.append({"host": path.host, **rule} if path.host else rule)
    return rules


def _weight_of(ingress: Manifest) -> int:
    """The share that an Ingress's canary annotations give it."""
    annotations = ingress["metadata"].get("annotations") or {}
    text = annotations.get(_WEIGHT, "0")
    return int(text) if annotations.get(_CANARY) == "true" and text.isdigit() else 0


def _drift(wanted: Manifest, live: Manifest) -> str:
    """What differs between our Ingress as rendered and as found, in a few words; empty when nothing does."""
    annotations = live["metadata"].get("annotations") or {}
    for key, value in wanted["metadata"]["annotations"].items():
        if annotations.get(key) != value:
            return f"annotation {key} is {annotations.get(key)!r} instead of {value!r}"
    for key, value in wanted["spec"].items():
        if live["spec"].get(key) != value:
            return f"spec.{key} is not as Headgate wrote it"
    return ""
