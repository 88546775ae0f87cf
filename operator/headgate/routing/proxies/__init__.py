"""Who serves Ingresses with the canary annotations of ingress-nginx: how fast, and by which series."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from headgate.routing.meter import Meter
from headgate.routing.proxies import higress, ingress_nginx, traefik
from headgate.routing.route import Route

Implementation = Literal["Traefik", "IngressNginx", "Higress"]


@dataclass(frozen=True)
class Proxy:
    """What differs from one proxy to the other."""

    settle: float
    """Twice the worst delay of the proxy's defaults until all its instances follow a write, in seconds."""
    meters: Callable[[Route], tuple[Meter, Meter]]
    """The series of stable and of the candidate."""


PROXIES: dict[Implementation, Proxy] = {
    "Traefik": Proxy(5.0, traefik.meters),
    "IngressNginx": Proxy(10.0, ingress_nginx.meters),
    "Higress": Proxy(20.0, higress.meters),
}
