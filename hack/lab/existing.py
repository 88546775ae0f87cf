"""The driver for a cluster that is there already, by KUBECONFIG. It changes nothing in it."""

import os
import shutil
from pathlib import Path

from lab import binaries
from lab.handle import Lab
from lab.layout import state_folder
from lab.progress import LabError

_VARIABLES = "HEADGATE_PROXY_URL, HEADGATE_PROMETHEUS_URL"


def up(name: str) -> Lab:
    """Note where the cluster, its ingress controller and its Prometheus are."""
    kubeconfig = Path(os.environ.get("KUBECONFIG") or Path.home() / ".kube" / "config")
    proxy, prometheus = os.environ.get("HEADGATE_PROXY_URL"), os.environ.get("HEADGATE_PROMETHEUS_URL")
    if not kubeconfig.is_file() or not proxy or not prometheus:
        raise LabError(f"--driver existing reads KUBECONFIG (one file), {_VARIABLES}; set all three")
    folder = state_folder(name)
    binaries.link(folder / "bin", binaries.build([binaries.TOOLS, binaries.LOAD]))
    lab = Lab(
        name=name,
        driver="existing",
        folder=folder,
        kubeconfig=kubeconfig,
        proxy_url=proxy,
        proxy_api_url=None,
        prometheus_url=prometheus,
        prometheus_url_in_cluster=os.environ.get("HEADGATE_PROMETHEUS_URL_IN_CLUSTER", prometheus),
        audit_log=None,
    )
    lab.save()
    return lab


def down(name: str) -> None:
    """Forget the cluster."""
    shutil.rmtree(state_folder(name), ignore_errors=True)


def load_image(_lab: Lab, archive: Path) -> None:
    """Refuse: only the cluster's owner knows where its images come from."""
    raise LabError(f"push {archive} to a registry that the cluster pulls from, and name it by the chart's image values")
