"""A real API server with the chart's CRD, policies and rights, and the operator as its ServiceAccount."""

import base64
import json
import ssl
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml

from headgate.cluster.resources import LEASES, RELEASES, Resource
from lab.handle import Lab
from tests.cluster.api_server import SYSTEM, api_server, install_chart
from tests.cluster.shell.faulty_proxy import FaultyProxy
from tests.cluster.shell.operator_process import OperatorProcess, until

Manifest = dict[str, Any]
RELEASE: Manifest = {"apiVersion": "headgate.dev/v1alpha1", "kind": "CanaryRelease"}


def target(name: str) -> Manifest:
    """The targetRef of a Deployment."""
    return {"kind": "Deployment", "name": name}


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    with api_server("shell") as lab:
        yield lab


@dataclass
class Cluster:
    """The API server, as the administrator and as the operator's ServiceAccount."""

    lab: Lab
    url: str
    authority: str
    administrator: str
    """The administrator's token."""

    def kubectl(self, *arguments: str, manifest: Manifest | None = None) -> str:
        return self.lab.kubectl(*arguments, stdin=None if manifest is None else json.dumps(manifest))

    def apply(self, *manifests: Manifest) -> None:
        items = {"apiVersion": "v1", "kind": "List", "items": list(manifests)}
        self.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", manifest=items)

    def get(self, resource: Resource, name: str, namespace: str) -> Manifest:
        """An object, without kubectl: it is asked for ten times a second, and each kubectl costs CPU."""
        headers = {"Authorization": f"Bearer {self.administrator}"}
        request = urllib.request.Request(self.url + resource.path(namespace, name), headers=headers)  # noqa: S310 (ours)
        with self._opener.open(request, timeout=30) as answer:
            found: Manifest = json.load(answer)
        return found

    @cached_property
    def _opener(self) -> urllib.request.OpenerDirector:
        trust = urllib.request.HTTPSHandler(context=ssl.create_default_context(cadata=self.authority))
        # The environment's proxies do not lead to the lab.
        return urllib.request.build_opener(urllib.request.ProxyHandler({}), trust)

    def items(self, kind: str, namespace: str) -> list[Manifest]:
        found: list[Manifest] = json.loads(self.kubectl("get", kind, "-n", namespace, "-o", "json"))["items"]
        return found

    def admits_releases(self) -> bool:
        """Whether writes of CanaryReleases pass: an API server says of a CRD that it is there before they do."""
        probe = {"metadata": {"name": "probe", "namespace": "default"}, "spec": {"targetRef": target("probe")}}
        with suppress(subprocess.CalledProcessError):
            self.kubectl("create", "--dry-run=server", "-f", "-", manifest={**RELEASE, **probe})
            return True
        return False

    def token(self) -> str:
        """A new token of the operator's ServiceAccount; the audit log tells tokens apart."""
        return self.kubectl("create", "token", "headgate", "-n", SYSTEM, "--duration=2h").strip()

    def audit(self, token: str) -> list[Manifest]:
        """The requests that were made with a token, oldest first."""
        assert self.lab.audit_log is not None
        claims = token.split(".")[1]
        identity = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["jti"]
        return [json.loads(line) for line in self.lab.audit_log.read_text().splitlines() if identity in line]


@pytest.fixture(scope="session")
def cluster(lab: Lab) -> Cluster:
    """The cluster with the chart installed; no pod of it runs, since there is no node."""
    install_chart(lab)
    access = yaml.safe_load(lab.kubeconfig.read_text())
    config, token = access["clusters"][0]["cluster"], access["users"][0]["user"]["token"]
    cluster = Cluster(lab, config["server"], base64.b64decode(config["certificate-authority-data"]).decode(), token)
    until("releases can be written", cluster.admits_releases)
    return cluster


@dataclass
class Bench:
    """One test's namespace, and the operators it runs there."""

    cluster: Cluster
    namespace: str
    folder: Path
    stack: ExitStack
    tokens: list[str] = field(default_factory=list)
    operators: list[OperatorProcess] = field(default_factory=list)

    def proxy(self) -> FaultyProxy:
        """A proxy that ends with the test."""
        return self.stack.enter_context(FaultyProxy(self.cluster.url, self.cluster.authority))

    def operator(self, server: str = "", **config: Any) -> OperatorProcess:
        """An operator that serves this namespace with a lease in it, with a token of its own."""
        self.tokens.append(self.cluster.token())
        number = len(self.tokens)
        values: Manifest = {
            "namespaces": [self.namespace],
            "lease": {"namespace": self.namespace, "identity": f"operator-{number}"},
            "http": {"port": 0},
            "ingress": {"implementation": "Traefik"},
            "prometheus": {"default": {"url": "http://127.0.0.1:1"}},
            "policies": "on",
            **config,
        }
        path = self.folder / f"config-{number}.yaml"
        path.write_text(yaml.safe_dump(values))
        operator = self.stack.enter_context(OperatorProcess(path, self.kubeconfig(self.tokens[-1], server)))
        self.operators.append(operator)
        return operator

    def kubeconfig(self, token: str, server: str = "") -> Path:
        """A kubeconfig of a token, by default straight to the API server."""
        authority = base64.b64encode(self.cluster.authority.encode()).decode()
        direct = {"server": self.cluster.url, "certificate-authority-data": authority}
        path = self.folder / f"kubeconfig-{uuid4().hex[:6]}"
        path.write_text(
            yaml.safe_dump(
                {
                    "current-context": "c",
                    "clusters": [{"name": "c", "cluster": {"server": server} if server else direct}],
                    "users": [{"name": "u", "user": {"token": token}}],
                    "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
                }
            )
        )
        return path

    def release(self, name: str = "shop", **spec: Any) -> Manifest:
        """A CanaryRelease of the Deployment of the same name."""
        metadata = {"name": name, "namespace": self.namespace}
        return {**RELEASE, "metadata": metadata, "spec": {"targetRef": target(name), **spec}}

    def workload(self, name: str = "shop") -> list[Manifest]:
        """A Deployment of no pods, for there is no node, and its Service."""
        labels = {"app": name}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": f"{name}:1"}]}}
        deployment = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}
        service = {"selector": labels, "ports": [{"name": "http", "port": 80}]}
        metadata = {"name": name, "namespace": self.namespace}
        return [
            {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": deployment},
            {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": service},
        ]

    def apply(self, *manifests: Manifest) -> None:
        self.cluster.apply(*manifests)

    def may(self, rule: Manifest) -> None:
        """Give the operator a right in the namespace, beside those of the chart."""
        metadata = {"name": f"test-{rule['resources'][0]}", "namespace": self.namespace}
        group = "rbac.authorization.k8s.io"
        common = {"apiVersion": f"{group}/v1", "metadata": metadata}
        role = {"apiGroup": group, "kind": "Role", "name": metadata["name"]}
        account = {"kind": "ServiceAccount", "name": "headgate", "namespace": SYSTEM}
        self.apply(
            {**common, "kind": "Role", "rules": [rule]},
            {**common, "kind": "RoleBinding", "roleRef": role, "subjects": [account]},
        )

    def status(self, name: str = "shop") -> Manifest:
        found: Manifest = self.cluster.get(RELEASES, name, self.namespace).get("status") or {}
        return found

    def message(self, name: str = "shop") -> str:
        return str(self.status(name).get("message", ""))

    def phase(self, name: str = "shop") -> str:
        """The phase in the release's status; empty until Headgate has written one."""
        return str(self.status(name).get("phase", ""))

    def lease(self) -> Manifest:
        found: Manifest = self.cluster.get(LEASES, "headgate", self.namespace)["spec"]
        return found


_LEASE = {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "create", "update"]}


@pytest.fixture
def bench(cluster: Cluster, tmp_path: Path) -> Iterator[Bench]:
    """A fresh namespace, in which the operator may have a lease beside the rights the chart gives it."""
    namespace = f"shell-{uuid4().hex[:8]}"
    cluster.kubectl("create", "namespace", namespace)
    with ExitStack() as stack:
        bench = Bench(cluster, namespace, tmp_path, stack)
        bench.may(_LEASE)
        yield bench
        for operator in bench.operators:
            print(f"an operator's log:\n{operator.log()}")
    cluster.kubectl("delete", "namespace", namespace, "--wait=false")
