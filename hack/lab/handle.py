"""A running lab as tests, the demo and the benchmarks see it. Standard library only; put hack/ on sys.path.

from lab.handle import Lab

lab = Lab.load("headgate")                    # or up("headgate"), which starts it where it is not
lab.kubectl("apply", "-f", "-", stdin=manifest)
lab.load_image("sample")                      # -> "localhost/sample:3f9c..."
subprocess.Popen([lab.program("load"), "--url", lab.proxy_url, "--host", "shop.test", "--rps", "150"])
"""

import dataclasses
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from lab import sandbox
from lab.layout import DEFAULT_NAME, HACK, state_folder
from lab.progress import LabError


@dataclass(frozen=True)
class Lab:
    """Where everything of one lab is.

    Addresses are None where the lab has no such part: an API-only lab has no proxy and no Prometheus. The audit log is
    that of the API server (JSON lines, what of it is in config/audit-policy.yaml), known in the processes driver.
    """

    name: str
    driver: str
    folder: Path
    kubeconfig: Path
    proxy_url: str | None
    proxy_api_url: str | None
    prometheus_url: str | None
    # Prometheus as pods reach it, where that is another address.
    prometheus_url_in_cluster: str | None
    audit_log: Path | None

    @classmethod
    def load(cls, name: str = DEFAULT_NAME) -> Self:
        """The lab of this name; LabError when it is not up."""
        folder = state_folder(name)
        try:
            values = json.loads((folder / "lab.json").read_text())
        except FileNotFoundError:
            values = None
        # The file outlives a lab that was killed, and the machine that it ran on.
        if values is None or (values["driver"] == "processes" and sandbox.find_init(folder) is None):
            raise LabError(f"no lab {name}: start it with `python3 hack/lab up --name {name}`")
        for path in ("folder", "kubeconfig", "audit_log"):
            values[path] = values[path] and Path(values[path])
        return cls(**values)

    def save(self) -> None:
        """Make the lab known to load()."""
        (self.folder / "lab.json").write_text(json.dumps(dataclasses.asdict(self), default=str, indent=2) + "\n")

    def program(self, name: str) -> Path:
        """The path of kubectl, helm, load or health (see hack/lab/go/kubernetes/health)."""
        return self.folder / "bin" / name

    def environment(self) -> dict[str, str]:
        """The caller's environment with this lab's kubeconfig and programs."""
        path = f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        return {**os.environ, "KUBECONFIG": str(self.kubeconfig), "PATH": path}

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl as administrator and return its output; CalledProcessError carries stderr."""
        command = [str(self.program("kubectl")), *arguments]
        result = subprocess.run(
            command, input=stdin, env=self.environment(), capture_output=True, text=True, check=False
        )
        if result.returncode != 0:
            print(result.stderr, file=sys.stderr)
        result.check_returncode()
        return result.stdout

    def kubeconfig_of(self, user: str) -> Path:
        """The kubeconfig of admin, or of alice or bob, who have no rights until a test grants them some."""
        return self.kubeconfig if user == "admin" else self.kubeconfig.with_name(user)

    def load_image(self, name: str) -> str:
        """Build (if need be) and load the image operator or sample, or an archive; return its reference."""
        return self._verb("load-image", name).strip()

    def stop(self, component: str) -> None:
        """Stop a component, e.g. prometheus, traefik, kube-controller-manager; returns when it has ended."""
        self._verb("stop", component)

    def start(self, component: str) -> None:
        """Start a stopped component; returns when it is ready."""
        self._verb("start", component)

    def set_scrape_interval(self, interval: str) -> None:
        """Let Prometheus scrape every interval, e.g. 30s, from now on."""
        self._verb("set", f"prometheus.scrape-interval={interval}")

    def run(self, *command: str) -> str:
        """Run a command in the lab's namespaces, where pod and Service addresses are reachable; return its output."""
        return self._verb("run", "--", *command)

    def _verb(self, verb: str, *arguments: str) -> str:
        command = [sys.executable, str(HACK / "lab"), verb, "--name", self.name, *arguments]
        return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def up(name: str = DEFAULT_NAME, *options: str) -> Lab:
    """Start the lab unless it is up, with the options of `hack/lab up`, e.g. "--only", "api"; return it."""
    subprocess.run(
        [sys.executable, str(HACK / "lab"), "up", "--name", name, *options], stdout=subprocess.DEVNULL, check=True
    )
    return Lab.load(name)


def down(name: str = DEFAULT_NAME) -> None:
    """Stop the lab and remove all that is left of it."""
    subprocess.run([sys.executable, str(HACK / "lab"), "down", "--name", name], check=True)
