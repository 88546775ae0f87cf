"""Headgate as its users install it: by the chart, with its policies and least rights; as pods, or as one process."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from lab.handle import Lab
from lab.layout import CHECKOUT
from tests.cluster.admission.kubectl import Kubectl

Line = dict[str, Any]
_ACCOUNT = "headgate"


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

    def install(self, *, replicas: int, crds: bool = False, **values: Any) -> None:
        """Install or upgrade the chart; returns when its pods are ready. The CRD belongs to one installation only."""
        spaces = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in self.served]
        self.kubectl("apply", "--server-side", manifest=spaces)
        repository, _, tag = self.image.rpartition(":")
        given = {
            "namespaces": self.served,
            "replicas": replicas,
            "image": {"repository": repository, "tag": tag, "pullPolicy": "Never"},
            "prometheus": {"default": {"url": self.lab.prometheus_url_in_cluster}},
            "crds": {"install": crds},
            **values,
        }
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(given, file)
            file.flush()
            command = ["helm", "upgrade", "--install", "headgate", str(CHECKOUT / "charts" / "headgate")]
            options = [f"--namespace={self.namespace}", "--create-namespace", f"--values={file.name}", "--wait"]
            done = subprocess.run(
                [*command, *options], env=self.lab.environment(), check=False, capture_output=True, text=True
            )
        assert done.returncode == 0, f"helm: {done.stderr}\n{self.kubectl.tried('get', 'pods,events').output}"

    def log(self, about: str) -> str:
        """What its pods logged about a namespace."""
        pods = ["logs", "--selector=app.kubernetes.io/name=headgate", "--prefix", "--tail=-1", "--ignore-errors"]
        return "\n".join(line for line in self.kubectl.tried(*pods).output.splitlines() if about in line)

    def configuration(self) -> dict[str, Any]:
        """The operator's configuration, as the chart wrote it."""
        text = self.kubectl.get("configmap", "headgate")["data"]["config.yaml"]
        configuration: dict[str, Any] = yaml.safe_load(text)
        return configuration

    def token(self) -> str:
        """A token of the operator's ServiceAccount."""
        return self.kubectl("create", "token", _ACCOUNT, "--duration=2h").output.strip()


class Operator:
    """`headgate run` as a process of this machine, with the configuration and the rights of an installation."""

    def __init__(self, installation: Installation, folder: Path) -> None:
        self.lines: list[Line] = []
        self._installation = installation
        self._news = threading.Condition()
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._config, self._kubeconfig = folder / "headgate.json", folder / "operator.kubeconfig"
        self._config.write_text(json.dumps({**installation.configuration(), "http": {"port": 0}}))
        access = yaml.safe_load(installation.lab.kubeconfig.read_text())
        access["users"] = [{"name": access["users"][0]["name"], "user": {"token": installation.token()}}]
        self._kubeconfig.write_text(json.dumps(access))

    def start(self) -> None:
        """Start the process; returns when it leads."""
        since = len(self.lines)
        command = [sys.executable, "-m", "headgate.cli.main", "run"]
        self._process = subprocess.Popen(
            [*command, f"--config={self._config}", f"--kubeconfig={self._kubeconfig}"],
            env={**os.environ, "PYTHONPATH": str(CHECKOUT / "operator")},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        self._reader.start()
        self.until("the operator leads", lambda line: line.get("message") == "leading", since)

    def kill(self) -> None:
        """End it as a power failure would."""
        self._end(signal.SIGKILL)
        # It is dead for certain: nobody need wait for the end of its term.
        self._installation.kubectl("delete", "lease", "headgate", "--ignore-not-found")

    def stop(self) -> int:
        """Ask it to end; returns its exit status."""
        return self._end(signal.SIGTERM)

    def until(self, what: str, holds: Callable[[Line], bool], since: int = 0, within: float = 60.0) -> Line:
        """The first log line since a position for which `holds` is true, waiting for it."""
        deadline = time.monotonic() + within
        with self._news:
            while True:
                for line in self.lines[since:]:
                    if holds(line):
                        return line
                assert self._news.wait(max(0.0, deadline - time.monotonic())), f"{what}: not so, log:\n{self.log()}"

    def log(self) -> str:
        return "\n".join(json.dumps(line) for line in self.lines)

    def _end(self, number: int) -> int:
        if self._process is None or self._reader is None:
            return 0
        self._process.send_signal(number)
        status = self._process.wait(timeout=15)
        self._reader.join()
        self._process = None
        return status

    def _read(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            for text in lines:
                try:
                    line = json.loads(text)
                except ValueError:
                    line = {"message": text.rstrip()}
                with self._news:
                    self.lines.append(line)
                    self._news.notify_all()
