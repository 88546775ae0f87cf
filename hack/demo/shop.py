"""The sample shop as its user's manifests say it, and the versions that the demo releases."""

import json
from dataclasses import dataclass

from headgate.api.fields import Manifest

NAMESPACE = "shop"
NAME = "shop"
HOST = "shop.test"
REPLICAS = 4


@dataclass(frozen=True)
class ShopVersion:
    """A version of the shop; error_rate is the share of requests that it answers with 500."""

    tag: str
    error_rate: float = 0.0

    @property
    def image(self) -> str:
        return f"localhost/{self.name}"

    @property
    def name(self) -> str:
        """The version as the operator's messages call it."""
        return f"{NAME}:{self.tag}"

    @property
    def template(self) -> Manifest:
        """The pod template of the Deployment."""
        container = {
            "name": NAME,
            "image": self.image,
            "imagePullPolicy": "Never",
            "env": [{"name": "VERSION", "value": self.name}, {"name": "ERROR_RATE", "value": str(self.error_rate)}],
            "ports": [{"containerPort": 8080}],
            "readinessProbe": {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1},
        }
        return {"metadata": {"labels": {"app": NAME}}, "spec": {"containers": [container]}}


FIRST = ShopVersion("1.4.0")
GOOD = ShopVersion("1.5.0")
BAD = ShopVersion("1.6.0", error_rate=0.05)
VERSIONS = (FIRST, GOOD, BAD)


@dataclass(frozen=True)
class Planned:
    """A release that the demo makes: what is told of the new version, and how it should end."""

    stable: ShopVersion
    candidate: ShopVersion
    told: str
    expected: str


PLAN = (
    Planned(FIRST, GOOD, "a good version", "Promoted"),
    Planned(GOOD, BAD, f"fails {100 * BAD.error_rate:g} % of its requests", "RolledBack"),
)
WEIGHTS = (25, 50)


def manifests() -> str:
    """Everything the shop's team would write, as one JSON list for `kubectl apply`."""
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    items = [namespace, deployment(FIRST), _service(), _ingress(), _release()]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})


def deployment(version: ShopVersion) -> Manifest:
    labels = {"app": NAME}
    spec = {"replicas": REPLICAS, "selector": {"matchLabels": labels}, "template": version.template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": _metadata(), "spec": spec}


def _service() -> Manifest:
    spec = {"selector": {"app": NAME}, "ports": [{"port": 80, "targetPort": 8080}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": _metadata(), "spec": spec}


def _ingress() -> Manifest:
    path = {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": NAME, "port": {"number": 80}}}}
    spec = {"ingressClassName": "nginx", "rules": [{"host": HOST, "http": {"paths": [path]}}]}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": _metadata(), "spec": spec}


def _release() -> Manifest:
    """The CanaryRelease: short holds, and no objective but the comparison with stable."""
    spec = {
        "targetRef": {"kind": "Deployment", "name": NAME},
        "traffic": {"ingress": NAME},
        "steps": [{"setWeight": weight, "hold": {"min": "15s", "max": "2m"}} for weight in WEIGHTS],
        "analysis": {"interval": "5s"},
        "bake": "10s",
    }
    return {"apiVersion": "headgate.dev/v1alpha1", "kind": "CanaryRelease", "metadata": _metadata(), "spec": spec}


def _metadata() -> Manifest:
    return {"name": NAME, "namespace": NAMESPACE}
