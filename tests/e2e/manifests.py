"""The manifests of the sample shop, as they would stand in its git repository."""

from typing import Any

Manifest = dict[str, Any]

NAME = "shop"

# Short, so that a release takes half a minute: in the lab Traefik follows within 100 ms, and scrapes are 1 s apart.
SETTLE = "2s"
STEPS = [{"setWeight": weight, "hold": {"min": "3s", "advance": "WhenNotBad"}} for weight in (20, 50)]
LONG = [{"setWeight": 50, "hold": {"min": "1m"}}]
HALF_WAY = [{"setWeight": 50, "hold": {"min": "1s", "advance": "WhenNotBad"}}, {"pause": {}}]
ANALYSIS = {"interval": "2s"}


VERSIONS = ("v0", "v1", "v2", "v3")
REPOSITORY = "localhost/shop"


def deployment(version: str, replicas: int = 2, **behaviour: str) -> Manifest:
    """The Deployment of a version; `behaviour` is how it misbehaves, e.g. ERROR_RATE="0.05"."""
    environment = [{"name": key, "value": value} for key, value in {"VERSION": version, **behaviour}.items()]
    container = {
        "name": "main",
        "image": f"{REPOSITORY}:{version}",
        "imagePullPolicy": "Never",
        "env": environment,
        "ports": [{"name": "http", "containerPort": 8080}],
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 1, "timeoutSeconds": 5},
        # Without a request a pod has next to no share of a busy machine's CPU.
        "resources": {"requests": {"cpu": "20m"}},
    }
    scraped = {"prometheus.io/scrape": "true", "prometheus.io/port": "8080"}
    template = {"metadata": {"labels": {"app": NAME}, "annotations": scraped}, "spec": {"containers": [container]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": NAME}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": NAME}, "spec": spec}


def service() -> Manifest:
    spec = {"selector": {"app": NAME}, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": NAME}, "spec": spec}


def ingress(host: str) -> Manifest:
    backend = {"service": {"name": NAME, "port": {"number": 80}}}
    rule = {"host": host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    spec = {"ingressClassName": "nginx", "rules": [rule]}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": NAME}, "spec": spec}


def http_route(host: str) -> Manifest:
    """An HTTPRoute of two rules for one path: the second sends away who comes with a header."""
    away = {
        "matches": [{"path": {"type": "PathPrefix", "value": "/"}, "headers": [{"name": "X-Away", "value": "yes"}]}],
        "filters": [{"type": "RequestRedirect", "requestRedirect": {"hostname": "away.test", "statusCode": 302}}],
    }
    spec = {
        "parentRefs": [{"name": "lab", "namespace": "default"}],
        "hostnames": [host],
        "rules": [{"backendRefs": [{"name": NAME, "port": 80}]}, away],
    }
    return {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": NAME}, "spec": spec}


def autoscaler(behavior: Manifest | None = None) -> Manifest:
    """Keeps the Deployment between 2 and 6 pods; the lab serves no CPU metrics, so only the bounds move it."""
    cpu = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}}
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": NAME}
    spec: Manifest = {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 6, "metrics": [cpu]}
    if behavior is not None:
        spec["behavior"] = behavior
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": NAME},
        "spec": spec,
    }


def release(**spec: Any) -> Manifest:
    """The CanaryRelease: through the Ingress in two short steps, unless `spec` says otherwise."""
    defaults: Manifest = {
        "targetRef": {"kind": "Deployment", "name": NAME},
        "traffic": {"ingress": NAME, "settle": SETTLE},
        "steps": STEPS,
        "analysis": ANALYSIS,
        "bake": "2s",
    }
    given = {key: value for key, value in {**defaults, **spec}.items() if value is not None}
    return {
        "apiVersion": "headgate.dev/v1alpha1",
        "kind": "CanaryRelease",
        "metadata": {"name": NAME},
        "spec": given,
    }
