"""The sample shop as its user's manifests say it, and the versions that the demo releases."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from headgate.api.fields import Manifest

NAMESPACE = "shop"
NAME = "shop"
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
    def container(self) -> Manifest:
        """The container of the Deployment's pods."""
        return {
            "name": NAME,
            "image": self.image,
            "imagePullPolicy": "Never",
            "env": [{"name": "VERSION", "value": self.name}, {"name": "ERROR_RATE", "value": str(self.error_rate)}],
            "ports": [{"containerPort": 8080}],
            "readinessProbe": {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1},
        }


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


@dataclass(frozen=True)
class Shop:
    """The manifests of one shop, all of its name. `spec` is what its CanaryRelease says beside the target."""

    name: str
    namespace: str
    replicas: int
    spec: Manifest

    @property
    def host(self) -> str:
        return f"{self.name}.test"

    def manifests(self, version: ShopVersion) -> list[Manifest]:
        """Everything the shop's team would write."""
        return [self.deployment(version), self.service(), self.ingress(), self.release()]

    def deployment(self, version: ShopVersion) -> Manifest:
        labels = {"app": self.name}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [version.container]}}
        spec = {"replicas": self.replicas, "selector": {"matchLabels": labels}, "template": template}
        return self._manifest("apps/v1", "Deployment", spec)

    def service(self) -> Manifest:
        spec = {"selector": {"app": self.name}, "ports": [{"port": 80, "targetPort": 8080}]}
        return self._manifest("v1", "Service", spec)

    def ingress(self) -> Manifest:
        backend = {"service": {"name": self.name, "port": {"number": 80}}}
        rule = {"host": self.host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
        return self._manifest("networking.k8s.io/v1", "Ingress", {"ingressClassName": "nginx", "rules": [rule]})

    def release(self) -> Manifest:
        target = {"kind": "Deployment", "name": self.name}
        spec = {"targetRef": target, "traffic": {"ingress": self.name}, **self.spec}
        return self._manifest("headgate.dev/v1alpha1", "CanaryRelease", spec)

    def _manifest(self, api_version: str, kind: str, spec: Manifest) -> Manifest:
        metadata = {"name": self.name, "namespace": self.namespace}
        return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}


# Short holds, and no objective but the comparison with stable.
SHOP = Shop(
    NAME,
    NAMESPACE,
    REPLICAS,
    {
        "steps": [{"setWeight": weight, "hold": {"min": "15s", "max": "2m"}} for weight in WEIGHTS],
        "analysis": {"interval": "5s"},
        "bake": "10s",
    },
)
HOST = SHOP.host


def listed(items: Iterable[Manifest]) -> str:
    """Manifests as one JSON list for `kubectl apply`."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(items)})


def namespace(name: str) -> Manifest:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
