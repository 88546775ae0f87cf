"""Who serves the objects that lead requests to a Service: how fast, and by which series."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from headgate.api.fields import Manifest
from headgate.routing.meter import Meter
from headgate.routing.proxies import (
    contour,
    envoy_gateway,
    higress,
    ingress_nginx,
    istio_gateway,
    traefik,
    traefik_gateway,
)
from headgate.routing.route import Backend, Route

Implementation = Literal["Traefik", "IngressNginx", "Higress"]
Gateway = Literal["Traefik", "Contour", "EnvoyGateway", "Istio"]


def _each(meter: Callable[[Route, Backend], Meter]) -> Callable[[Route], tuple[Meter, Meter]]:
    return lambda route: (meter(route, route.stable), meter(route, route.candidate))


def _as_they_are(rules: list[Manifest]) -> list[Manifest]:
    return rules


@dataclass(frozen=True)
class Proxy:
    """What differs from one proxy to the other."""

    settle: float
    """Twice the worst delay of the proxy's defaults until all its instances follow a write, in seconds."""
    meters: Callable[[Route], tuple[Meter, Meter]]
    """The series of stable and of the candidate."""
    told_apart: Callable[[list[Manifest]], list[Manifest]] = _as_they_are
    """The rules of an HTTPRoute, with what the proxy needs to count each backend by itself."""


PROXIES: dict[Implementation, Proxy] = {
    "Traefik": Proxy(5.0, traefik.meters),
    "IngressNginx": Proxy(10.0, ingress_nginx.meters),
    "Higress": Proxy(20.0, _each(higress.meter)),
}
"""By who serves Ingresses with the canary annotations of ingress-nginx."""

GATEWAYS: dict[Gateway, Proxy] = {
    "Traefik": Proxy(5.0, _each(traefik_gateway.meter)),
    "Contour": Proxy(5.0, _each(contour.meter)),
    "EnvoyGateway": Proxy(5.0, envoy_gateway.meters, envoy_gateway.told_apart),
    "Istio": Proxy(20.0, _each(istio_gateway.meter)),
}
"""By who serves HTTPRoutes."""
