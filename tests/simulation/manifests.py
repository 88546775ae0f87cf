"""The user's manifests that the simulated releases start from."""

from typing import Any

from headgate.api.names import API_VERSION, KIND
from tests.simulation.gateway import PARENT

NAMESPACE = "prod"


def template(image: str, **annotations: str) -> dict[str, Any]:
    """A pod template with one container."""
    metadata: dict[str, Any] = {"labels": {"app": "shop"}}
    if annotations:
        metadata["annotations"] = annotations
    return {"metadata": metadata, "spec": {"containers": [{"name": "shop", "image": image}]}}


def deployment(image: str, replicas: int = 4) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "shop", "namespace": NAMESPACE},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "shop"}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": template(image),
        },
    }


def service() -> dict[str, Any]:
    ports = [{"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "shop", "namespace": NAMESPACE},
        "spec": {"selector": {"app": "shop"}, "ports": ports},
    }


def ingress() -> dict[str, Any]:
    backend = {"service": {"name": "shop", "port": {"number": 80}}}
    rule = {"host": "shop.test", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "shop", "namespace": NAMESPACE},
        "spec": {"ingressClassName": "nginx", "rules": [rule]},
    }


def http_route() -> dict[str, Any]:
    backend = {"group": "", "kind": "Service", "name": "shop", "port": 80, "weight": 1}
    match = {"path": {"type": "PathPrefix", "value": "/"}}
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "shop", "namespace": NAMESPACE},
        "spec": {
            "parentRefs": [PARENT],
            "hostnames": ["shop.test"],
            "rules": [{"matches": [match], "backendRefs": [backend]}],
        },
    }


def autoscaler() -> dict[str, Any]:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "shop", "namespace": NAMESPACE},
        "spec": {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 10},
    }


def release(**spec: Any) -> dict[str, Any]:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"}
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": "shop", "namespace": NAMESPACE},
        "spec": {"targetRef": target, "traffic": {"ingress": "shop"}, **spec},
    }
