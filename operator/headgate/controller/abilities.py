"""What this operator, as it is configured, can do for a release."""

from headgate.api.release import Release
from headgate.api.spec import Spec
from headgate.cluster.resources import HTTP_ROUTES, INGRESSES, Resource
from headgate.controller.config import OperatorConfig
from headgate.routing.http_route import HttpRouteRouter
from headgate.routing.ingress import IngressRouter
from headgate.routing.route import Router
from headgate.routing.selector import SelectorRouter


def router_for(spec: Spec | None, config: OperatorConfig) -> Router:
    """Who splits the traffic of a release; the Service where its spec cannot be read."""
    entry = spec.traffic.entry if spec else None
    if entry is not None and entry.kind == "Ingress" and config.ingress is not None:
        return IngressRouter(config.ingress.implementation)
    if entry is not None and entry.kind == "HTTPRoute" and config.gateway is not None:
        return HttpRouteRouter(config.gateway.implementation)
    return SelectorRouter()


def entries_of(config: OperatorConfig) -> tuple[Resource, ...]:
    """The kinds of objects by which releases may let requests in."""
    known = ((INGRESSES, config.ingress), (HTTP_ROUTES, config.gateway))
    return tuple(resource for resource, served in known if served is not None)


def checked(release: Release, config: OperatorConfig) -> Release:
    """The release, with a `problem` where it asks for what the configuration does not have."""
    problem = _missing(release.spec, config) if release.spec else ""
    return release.model_copy(update={"problem": problem}) if problem and not release.problem else release


def _missing(spec: Spec, config: OperatorConfig) -> str:
    name, traffic = spec.analysis.prometheus, spec.traffic
    if traffic.ingress is not None and config.ingress is None:
        return _unserved("ingress", "Ingresses", "ingress")
    if traffic.http_route is not None and config.gateway is None:
        return _unserved("httpRoute", "HTTPRoutes", "gateway")
    if spec.analysis.enabled and name not in config.prometheus:
        known = ", ".join(sorted(config.prometheus)) or "none"
        return (
            f"spec.analysis.prometheus is {name}, but the operator's configuration has {known}:"
            f" add it there, or set spec.analysis.enabled to false"
        )
    return ""


def _unserved(field: str, objects: str, section: str) -> str:
    return (
        f"spec.traffic.{field} is set, but this operator does not serve {objects}:"
        f" set {section}.implementation in its configuration, or remove the field"
    )
