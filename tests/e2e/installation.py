"""Headgate as its users install it: by the chart, with its policies and least rights; as pods, or as one process."""

import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lab.handle import Lab
from lab.layout import CHECKOUT
from tests.cluster.admission.kubectl import Kubectl
from tests.cluster.shell.operator_process import OperatorProcess

NAME = "headgate"


@dataclass(frozen=True)
class Installation:
    """One installation of the chart: its operator serves the given namespaces and no other."""

    lab: Lab
    namespace: str
    served: tuple[str, ...]
    image: str

    @property
    def kubectl(self) -> Kubectl:
        """The administrator in the operator's namespace."""
        return Kubectl(self.lab.environment(), self.namespace)

    def install(self, *, replicas: int, **values: Any) -> None:
        """Install or upgrade the chart; returns when its pods are ready."""
        spaces = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in self.served]
        self.kubectl("apply", "--server-side", manifest=spaces)
        repository, _, tag = self.image.rpartition(":")
        given = {
            "namespaces": self.served,
            "replicas": replicas,
            "image": {"repository": repository, "tag": tag, "pullPolicy": "Never"},
            "prometheus": {"default": {"url": self.lab.prometheus_url_in_cluster}},
            **values,
        }
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(given, file)
            file.flush()
            command = ["helm", "upgrade", "--install", NAME, str(CHECKOUT / "charts" / "headgate")]
            options = [f"--namespace={self.namespace}", "--create-namespace", f"--values={file.name}", "--wait"]
            done = subprocess.run(
                [*command, *options], env=self.lab.environment(), check=False, capture_output=True, text=True
            )
        assert done.returncode == 0, f"helm: {done.stderr}\n{self.kubectl.tried('get', 'pods,events').output}"

    def uninstall(self) -> None:
        """Remove it with its namespace; the CRD stays."""
        command = ["helm", "uninstall", NAME, f"--namespace={self.namespace}"]
        subprocess.run(command, env=self.lab.environment(), check=True, capture_output=True)
        self.kubectl("delete", "namespace", self.namespace, "--wait=false")

    def log(self, about: str) -> str:
        """What its pods logged about a release."""
        pods = ["logs", "--selector=app.kubernetes.io/name=headgate", "--prefix", "--tail=-1", "--ignore-errors"]
        return "\n".join(line for line in self.kubectl.tried(*pods).output.splitlines() if about in line)

    def forget_leader(self) -> None:
        """Delete the lease of an operator that is dead for certain, so that nobody waits for the end of its term."""
        self.kubectl("delete", "lease", NAME, "--ignore-not-found")

    def forget_policy(self, name: str) -> None:
        """Unbind one of its mutating policies."""
        kind = "mutatingadmissionpolicybindings"
        found = self.kubectl("get", kind, "-o", "name").output.split()
        (ours,) = [one for one in found if f"/{self.namespace[:40]}" in one and one.endswith(f"-{name}")]
        self.kubectl("delete", ours)

    def operator(self, folder: Path) -> OperatorProcess:
        """Its operator as a process of this machine: with the chart's configuration and its ServiceAccount's rights."""
        config, kubeconfig = folder / "headgate.json", folder / "operator.kubeconfig"
        if kubeconfig.exists():
            return OperatorProcess(config, kubeconfig)
        chosen = yaml.safe_load(self.kubectl.get("configmap", NAME)["data"]["config.yaml"])
        config.write_text(json.dumps({**chosen, "http": {"port": 0}}))
        access = yaml.safe_load(self.lab.kubeconfig.read_text())
        token = self.kubectl("create", "token", NAME, "--duration=2h").output.strip()
        access["users"] = [{"name": access["users"][0]["name"], "user": {"token": token}}]
        kubeconfig.write_text(json.dumps(access))
        return OperatorProcess(config, kubeconfig)
