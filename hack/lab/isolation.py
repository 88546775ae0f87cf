"""What the lab's mount namespace hides from the host, and the host from it."""

import contextlib
from pathlib import Path

from lab import sandbox
from lab.cache import lock
from lab.progress import run
from lab.settings import Settings

# The kubelet's device plugin sockets are here whatever its root folder is.
KUBELET = Path("/var/lib/kubelet")

# The kubelet sets these for the whole machine when it starts. It may keep them as it likes in a file of its own.
_TUNABLES = (
    "kernel/keys/root_maxbytes",
    "kernel/keys/root_maxkeys",
    "kernel/panic",
    "kernel/panic_on_oops",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
)


def make_mount_points() -> None:
    """Make, on the host and once this lab can be seen to run, the folder that it mounts its own over."""
    with lock("mount-points"):
        KUBELET.mkdir(exist_ok=True)


def remove_mount_points() -> None:
    """Undo make_mount_points() when no lab runs; a folder with something in it is not ours."""
    with lock("mount-points"), contextlib.suppress(OSError):
        if not sandbox.any_running():
            KUBELET.rmdir()


def prepare_mounts(settings: Settings) -> None:
    """Inside, before any component: give the lab its own /run, /var/log, /var/lib/kubelet and kernel tunables."""
    # Volumes that the kubelet mounts must reach the containers, so this namespace is shared within itself.
    run(["mount", "--make-rshared", "/"])
    for folder in ("/run", "/var/log"):
        run(["mount", "-t", "tmpfs", "-o", "mode=755", "lab", folder])
    run(["mount", "--bind", settings.folder / "kubelet", KUBELET])
    for name in _TUNABLES:
        tunable = Path("/proc/sys") / name
        copy = Path("/run/tunables") / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(tunable.read_bytes())
        run(["mount", "--bind", copy, tunable])
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
