"""Traefik, which serves the IngressClass nginx with the canary annotations of ingress-nginx, and the Gateway API."""

from lab.component import Component
from lab.settings import Settings

# Finer than the default around the latencies that the tests inject, in seconds.
_BUCKETS = "0.01,0.025,0.05,0.1,0.2,0.3,0.5,1,2.5,5"


def component(settings: Settings) -> Component:
    """Traefik: port 80 for traffic, 8080 for metrics and the API that shows the weights in force."""
    command = (settings.program("traefik"), *flags(web=f"{settings.address}:80", api=f"{settings.address}:8080"))
    environment = {"KUBECONFIG": settings.kubeconfig("traefik")}
    return Component("traefik", command, f"http://{settings.address}:8080/ping", ("objects",), environment)


def flags(web: str, api: str) -> list[str]:
    """Traefik's flags when it listens on these two addresses."""
    return [
        f"--entrypoints.web.address={web}",
        f"--entrypoints.traefik.address={api}",
        "--api.insecure",
        # Its pages are not in the Go module.
        "--api.dashboard=false",
        "--ping",
        "--metrics.prometheus",
        f"--metrics.prometheus.buckets={_BUCKETS}",
        "--providers.kubernetesingressnginx",
        "--providers.kubernetesingressnginx.ingressclass=nginx",
        "--providers.kubernetesgateway",
        # Long enough to take several changes at once, short enough that a test need not wait for it.
        "--providers.providersthrottleduration=100ms",
        "--global.checknewversion=false",
        "--global.sendanonymoususage=false",
        "--log.level=WARN",
    ]
