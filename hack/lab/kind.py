"""The driver for machines with Docker: a kind cluster with the lab's Traefik and Prometheus as pods.

Not verified on the machine it was written on, which has no Docker; the processes driver is what the tests ran on.
"""

import json
import shutil
import subprocess
from pathlib import Path
from string import Template

from lab import binaries, gateway_api, monitoring, proxy
from lab.handle import Lab
from lab.layout import CONFIG, HACK, state_folder
from lab.progress import LabError, run, run_long, say

# The one that kind 0.32 was released with.
_NODE_IMAGE = "kindest/node:v1.36.1@sha256:3489c7674813ba5d8b1a9977baea8a6e553784dab7b84759d1014dbd78f7ebd5"
_SYSTEM = "lab-system"
_PEOPLE = ("alice", "bob")


def available() -> bool:
    """Whether kind is installed and a Docker engine answers."""
    if not shutil.which("docker") or not shutil.which("kind"):
        return False
    return subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0


def up(name: str) -> Lab:
    """Create the cluster unless it is there, and (again) what runs in it."""
    if not available():
        raise LabError("--driver kind needs kind on the PATH and a Docker engine that answers `docker info`")
    folder = state_folder(name)
    for part in ("kubeconfig", "log"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    binaries.link(folder / "bin", binaries.build([binaries.TOOLS, binaries.LOAD]))
    lab = _create(name, folder)
    _install(lab)
    _write_kubeconfigs_of_people(lab)
    lab.save()
    return lab


def down(name: str) -> None:
    run(["kind", "delete", "cluster", f"--name={name}"])
    shutil.rmtree(state_folder(name), ignore_errors=True)


def load_image(lab: Lab, archive: Path) -> None:
    run(["kind", "load", "image-archive", f"--name={lab.name}", archive])


def _create(name: str, folder: Path) -> Lab:
    kubeconfig = folder / "kubeconfig" / "admin"
    if name not in run(["kind", "get", "clusters"]).split():
        say("creating the kind cluster (a minute, more when its image must be pulled)")
        command = ["kind", "create", "cluster", f"--name={name}", f"--config={HACK}/kind/cluster.yaml", "--wait=120s"]
        options = [f"--image={_NODE_IMAGE}", f"--kubeconfig={kubeconfig}"]
        run_long([*command, *options], "kind create cluster", folder / "log" / "kind.log")
    return Lab(
        name=name,
        driver="kind",
        folder=folder,
        kubeconfig=kubeconfig,
        proxy_url=_published(name, 80),
        proxy_api_url=_published(name, 8080),
        prometheus_url=_published(name, 9090),
        prometheus_url_in_cluster=f"http://prometheus.{_SYSTEM}:9090",
        audit_log=None,
    )


def _published(name: str, port: int) -> str:
    address = run(["docker", "port", f"{name}-control-plane", f"{port}/tcp"]).split()[0]
    return f"http://{address}"


def _install(lab: Lab) -> None:
    """Apply Traefik and Prometheus and wait until they are ready."""
    say("installing Traefik and Prometheus")
    flags = json.dumps(proxy.flags(web=":80", api=":8080"))
    definitions = f"--filename={gateway_api.definitions()}"
    lab.kubectl("apply", "--server-side", definitions)
    lab.kubectl("wait", "--for=condition=Established", definitions)
    lab.kubectl("apply", "--server-side", f"--filename={CONFIG}/objects.yaml")
    lab.kubectl(
        "apply", "--filename=-", stdin=Template((HACK / "kind" / "traefik.yaml").read_text()).substitute(flags=flags)
    )
    config = monitoring.configuration(f"traefik.{_SYSTEM}:8080", kubeconfig="")
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "prometheus", "namespace": _SYSTEM}}
    lab.kubectl("apply", "--filename=-", stdin=json.dumps(settings | {"data": {"prometheus.yml": config}}))
    lab.kubectl("apply", f"--filename={HACK}/kind/prometheus.yaml")
    for deployment in ("traefik", "prometheus"):
        lab.kubectl("rollout", "status", f"deployment/{deployment}", f"--namespace={_SYSTEM}", "--timeout=180s")


def _write_kubeconfigs_of_people(lab: Lab) -> None:
    """Write the kubeconfigs of the users without rights: the administrator's, acting as them."""
    for person in _PEOPLE:
        config = json.loads(lab.kubectl("config", "view", "--raw", "--output=json"))
        for user in config["users"]:
            user["user"]["as"] = person
        lab.kubeconfig.with_name(person).write_text(json.dumps(config))
