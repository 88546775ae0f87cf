"""What of a user's Ingress concerns a release: the paths that lead to its Service, and the class that serves them."""

from dataclasses import dataclass

from headgate.api.fields import Manifest
from headgate.routing.route import Route

CANARY = "nginx.ingress.kubernetes.io/canary"
_CLASS = "kubernetes.io/ingress.class"


@dataclass(frozen=True)
class Path:
    """One path of an Ingress that leads to the released Service."""

    host: str
    path: str
    path_type: str
    port: int | str


def paths_of(route: Route) -> tuple[Path, ...]:
    """The paths of the route's Ingress that lead to its Service; none without an Ingress."""
    spec = route.entry.get("spec") or {} if route.entry else {}
    return tuple(
        Path(rule.get("host", ""), path.get("path", "/"), path["pathType"], _port_of(path))
        for rule in spec.get("rules") or ()
        for path in (rule.get("http") or {}).get("paths") or ()
        if (path["backend"].get("service") or {}).get("name") == route.service
    )


def ports_of(route: Route) -> list[str]:
    """Numbers or names of the ports that those paths lead to."""
    return sorted({str(path.port) for path in paths_of(route)})


def class_of(ingress: Manifest) -> str | None:
    """The class that an Ingress asks for, also in the way of before there was a field for it."""
    name: str | None = (ingress.get("spec") or {}).get("ingressClassName") or _annotations(ingress).get(_CLASS)
    return name


def is_canary(ingress: Manifest) -> bool:
    """Whether it is itself the canary of another Ingress."""
    return _annotations(ingress).get(CANARY) == "true"


def _annotations(ingress: Manifest) -> dict[str, str]:
    return ingress["metadata"].get("annotations") or {}


def _port_of(path: Manifest) -> int | str:
    port: Manifest = path["backend"]["service"].get("port") or {}
    number: int | str = port.get("number") or port.get("name", "")
    return number
