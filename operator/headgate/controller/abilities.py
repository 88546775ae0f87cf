"""What this operator, as it is configured, can do for a release."""

from headgate.api.release import Release
from headgate.api.spec import Spec
from headgate.controller.config import OperatorConfig
from headgate.routing.ingress import IngressRouter
from headgate.routing.route import Router
from headgate.routing.selector import SelectorRouter


def router_for(spec: Spec | None, config: OperatorConfig) -> Router:
    """Who splits the traffic of a release; the Service where its spec cannot be read."""
    if spec is None or spec.traffic.ingress is None or config.ingress is None:
        return SelectorRouter()
    return IngressRouter(config.ingress.implementation)


def checked(release: Release, config: OperatorConfig) -> Release:
    """The release, with a `problem` where it asks for what the configuration does not have."""
    problem = _missing(release.spec, config) if release.spec else ""
    return release.model_copy(update={"problem": problem}) if problem and not release.problem else release


def _missing(spec: Spec, config: OperatorConfig) -> str:
    name = spec.analysis.prometheus
    if spec.traffic.ingress is not None and config.ingress is None:
        return (
            "spec.traffic.ingress is set, but this operator does not serve Ingresses:"
            " set ingress.implementation in its configuration, or remove the field"
        )
    if spec.analysis.enabled and name not in config.prometheus:
        known = ", ".join(sorted(config.prometheus)) or "none"
        return (
            f"spec.analysis.prometheus is {name}, but the operator's configuration has {known}:"
            f" add it there, or set spec.analysis.enabled to false"
        )
    return ""
