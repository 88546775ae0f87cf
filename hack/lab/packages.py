"""Debian packages that the lab needs, installed where they are missing."""

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.progress import LabError, run_long, say

CNI_FOLDERS = (Path("/usr/lib/cni"), Path("/opt/cni/bin"), Path("/usr/libexec/cni"))

CLUSTER = {"nft": "nftables", "ip": "iproute2", "openssl": "openssl"}
NODE = {"containerd": "containerd", "ctr": "containerd", "runc": "runc"}
IMAGES = {"buildah": "buildah", "mmdebstrap": "mmdebstrap"}

_SERVICE = "containerd.service"
_POLICY = Path("/usr/sbin/policy-rc.d")


def cni_plugins() -> Path | None:
    """The folder with the CNI plugins, or None."""
    return next((folder for folder in CNI_FOLDERS if (folder / "ptp").exists()), None)


def ensure(*groups: dict[str, str]) -> None:
    """Install the packages whose commands are missing, or raise LabError with the command that would."""
    wanted = {package for group in groups for command, package in group.items() if not shutil.which(command)}
    if NODE in groups and cni_plugins() is None:
        wanted.add("containernetworking-plugins")
    if IMAGES in groups and not Path("/usr/share/keyrings/debian-archive-keyring.gpg").exists():
        wanted.add("debian-archive-keyring")
    if wanted:
        _install(sorted(wanted))


def ensure_venv() -> None:
    """Install what Debian leaves out of the standard library, without which no virtual environment gets a pip."""
    if importlib.util.find_spec("ensurepip") is None:
        _install(["python3-venv"])


def _install(names: list[str]) -> None:
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *names]
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise LabError(f"please install {', '.join(names)} (on Debian: sudo {' '.join(command)})")
    say(f"installing the Debian packages {', '.join(names)} (about a minute)")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    log = Path("/var/log/headgate-lab-packages.log")
    with _services_stay_off():
        run_long(["apt-get", "update"], "reading the package lists", log, env=environment)
        run_long(command, "installing packages", log, env=environment)
    log.unlink()


@contextmanager
def _services_stay_off() -> Iterator[None]:
    """Let containerd's package start no service, now (policy-rc.d) or at the next boot: the lab runs its own."""
    before = _service_enabled()
    ours = not _POLICY.exists()
    if ours:
        _POLICY.write_text("#!/bin/sh\nexit 101\n")
        _POLICY.chmod(0o755)
    try:
        yield
    finally:
        if ours:
            _POLICY.unlink()
        if _service_enabled() and not before:
            subprocess.run(["systemctl", "disable", "--quiet", _SERVICE], check=False)


def _service_enabled() -> bool:
    command = ["systemctl", "is-enabled", "--quiet", _SERVICE]
    return shutil.which("systemctl") is not None and subprocess.run(command, check=False).returncode == 0
