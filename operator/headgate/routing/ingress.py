"""Weights by Ingress, in the dialect of ingress-nginx that Traefik 3.7 and others speak too.

A second Ingress with the same hosts and paths and canary annotations takes its share of the requests.
Annotations: kubernetes/ingress-nginx, docs/user-guide/nginx-configuration/annotations.md#canary.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from headgate.api.fields import Manifest
from headgate.routing.ingress_paths import CANARY, Path, class_of, is_canary, paths_of
from headgate.routing.proxies import PROXIES, Implementation, Proxy
from headgate.routing.route import Route
from headgate.routing.second_object import SecondObjectRouter

_WEIGHT = f"{CANARY}-weight"


@dataclass(frozen=True)
class IngressRouter(SecondObjectRouter):
    """Weights by a second Ingress. `implementation` is who serves the class: series and settle time depend on it."""

    name: ClassVar[str] = "ingress"
    api_version: ClassVar[str] = "networking.k8s.io/v1"
    kind: ClassVar[str] = "Ingress"
    implementation: Implementation = "Traefik"

    @property
    def proxy(self) -> Proxy:
        return PROXIES[self.implementation]

    def misfits(self, route: Route, entry: Manifest) -> Sequence[str]:
        name, problems = entry["metadata"]["name"], []
        if not paths_of(route):
            problems.append(
                f"ingress {name} has no path to service {route.service}:"
                f" add a rule with a path to it, or set traffic.service to the service it leads to"
            )
        if is_canary(entry):
            problems.append(f"ingress {name} is itself a canary: set traffic.ingress to the main ingress")
        return problems

    def second(self, route: Route, entry: Manifest) -> Manifest | None:
        paths = paths_of(route)
        if not paths:
            return None
        spec: dict[str, Any] = {"rules": [_rule(path, route.candidate.service) for path in paths]}
        if (class_name := class_of(entry)) is not None:
            spec["ingressClassName"] = class_name
        return spec

    def annotations(self, route: Route) -> dict[str, str]:
        return {CANARY: "true", _WEIGHT: str(route.candidate.weight)}

    def weight_in(self, route: Route, live: Manifest) -> int:  # noqa: ARG002 (it is in the annotations)
        text = (live["metadata"].get("annotations") or {}).get(_WEIGHT, "0")
        return int(text) if is_canary(live) and text.isdigit() else 0


def _rule(path: Path, service: str) -> Manifest:
    """A rule for one path, with a Service behind it."""
    port = {"number": path.port} if isinstance(path.port, int) else {"name": path.port}
    backend = {"service": {"name": service, "port": port}}
    rule: Manifest = {"http": {"paths": [{"path": path.path, "pathType": path.path_type, "backend": backend}]}}
    return {"host": path.host, **rule} if path.host else rule
