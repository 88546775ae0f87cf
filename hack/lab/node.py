"""The lab's one node: containerd, kubelet and kube-proxy."""

import os
from pathlib import Path

from lab import network
from lab.component import Component
from lab.settings import NODE_NAME, Settings

CONTAINERD = "/run/containerd/containerd.sock"


def write_config(settings: Settings) -> None:
    """Write the configuration of containerd, its network plugin and the kubelet."""
    settings.configure("containerd.toml", snapshotter=_snapshotter(settings.folder), cni_plugins=settings.cni_plugins)
    plugin = settings.configure("cni.conflist", pod_range=network.POD_RANGE)
    (settings.folder / "config" / "cni").mkdir()
    plugin.rename(settings.folder / "config" / "cni" / plugin.name)
    settings.configure("kubelet.yaml")


def components(settings: Settings) -> list[Component]:
    """The node's processes; the pause image is imported before the kubelet can want it."""
    config = settings.folder / "config"
    pause = str(settings.folder / "pause.tar")
    return [
        Component(
            "containerd",
            ("containerd", "--config", f"{config}/containerd.toml", "--log-level=warn"),
            f"unix:{CONTAINERD}",
        ),
        Component("pause-image", (*import_command(), pause), "exit", ("containerd",)),
        _kubelet(settings),
        _kube_proxy(settings),
    ]


def import_command() -> tuple[str, ...]:
    """The command that imports an image archive, whose path is to follow, for the kubelet to find."""
    return ("ctr", f"--address={CONTAINERD}", "--namespace=k8s.io", "images", "import")


def _kubelet(settings: Settings) -> Component:
    command = (
        settings.program("node"),
        "kubelet",
        f"--config={settings.folder}/config/kubelet.yaml",
        f"--kubeconfig={settings.kubeconfig('kubelet')}",
        f"--hostname-override={NODE_NAME}",
        f"--node-ip={settings.address}",
        # How often cAdvisor walks all cgroups; half of an idle kubelet's CPU at the default of 10 s.
        "--housekeeping-interval=30s",
    )
    return Component("kubelet", command, "http://127.0.0.1:10248/healthz", ("kube-apiserver", "pause-image"))


def _kube_proxy(settings: Settings) -> Component:
    command = (
        settings.program("node"),
        "kube-proxy",
        "--proxy-mode=nftables",
        f"--kubeconfig={settings.kubeconfig('kube-proxy')}",
        f"--hostname-override={NODE_NAME}",
        f"--cluster-cidr={network.POD_RANGE}",
        "--healthz-bind-address=127.0.0.1:10256",
        "--metrics-bind-address=127.0.0.1:10249",
        # Connection tracking limits belong to the host.
        "--conntrack-max-per-core=0",
        "--conntrack-tcp-timeout-established=0s",
        "--conntrack-tcp-timeout-close-wait=0s",
    )
    return Component("kube-proxy", command, "http://127.0.0.1:10256/healthz", ("kube-apiserver",))


def _snapshotter(folder: Path) -> str:
    """Overlayfs, or native (slower, copies every layer) where the lab's folder is on an overlay itself."""
    mounts = [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    above = [fields for fields in mounts if os.path.commonpath([fields[4], folder]) == fields[4]]
    deepest = max(above, key=lambda fields: len(fields[4]))
    return "native" if deepest[deepest.index("-") + 1] == "overlay" else "overlayfs"
