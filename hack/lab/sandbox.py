"""The lab's namespaces and cgroups as the host sees them: start, enter, end."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from lab.layout import HACK
from lab.progress import LabError
from lab.settings import cgroup_of

_NEEDED_CONTROLLERS = {"cpu", "cpuset", "hugetlb", "memory", "pids"}
_SUPERVISOR = ["-m", "lab.supervisor"]


@dataclass(frozen=True)
class Sandbox:
    """New network, PID and mount namespaces, whose process 1 (`init` to the host) waits for release()."""

    init: int
    _input: IO[bytes]

    def release(self) -> None:
        """Let the supervisor start the components: its network and settings are there."""
        self._input.write(b"\n")
        self._input.close()


def start(folder: Path) -> Sandbox:
    """Start the lab's supervisor in namespaces of its own; all of them end with it."""
    command = [
        "unshare",
        "--fork",
        "--kill-child",
        "--pid",
        "--mount-proc",
        "--net",
        sys.executable,
        "-S",
        *_SUPERVISOR,
    ]
    read_end, write_end = os.pipe()
    with (folder / "log" / "supervisor.log").open("w") as log, os.fdopen(read_end, "rb") as waits:
        process = subprocess.Popen(
            [*command, str(folder)],
            stdin=waits,
            stdout=log,
            stderr=log,
            cwd="/",
            env={**_environment(), "PYTHONPATH": str(HACK), "PYTHONDONTWRITEBYTECODE": "1"},
            start_new_session=True,
        )
    deadline = time.monotonic() + 10
    while (init := find_init(folder)) is None:
        if process.poll() is not None or time.monotonic() > deadline:
            raise LabError(f"no new namespaces: {(folder / 'log' / 'supervisor.log').read_text()}")
        time.sleep(0.01)
    return Sandbox(init, os.fdopen(write_end, "wb"))


def find_init(folder: Path) -> int | None:
    """The host's PID of the lab's supervisor, found by its command line: no PID file could go stale."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
            if arguments[-3:] == [*_SUPERVISOR, str(folder)] and _is_first(process):
                return int(process.name)
        except OSError:  # it ended while we looked
            continue
    return None


def any_running() -> bool:
    """Whether a lab, of whatever name and checkout, runs on this machine."""
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if process.read_bytes().decode(errors="replace").split("\0")[-4:-2] == _SUPERVISOR:
                return True
    return False


def _is_first(process: Path) -> bool:
    """Whether a process is number 1 of a PID namespace below ours (unshare itself is not)."""
    line = next(line for line in (process / "status").read_text().splitlines() if line.startswith("NSpid:"))
    numbers = line.split()[1:]
    return len(numbers) > 1 and numbers[-1] == "1"


def inside(init: int, command: Sequence[str]) -> list[str]:
    """The command that runs command in the lab's namespaces, in the caller's folder."""
    namespaces = ["nsenter", f"--target={init}", "--mount", "--net", "--pid", "--root"]
    return [*namespaces, f"--wd={Path.cwd()}", "--", *command]


def processes(init: int) -> list[int]:
    """The host's PIDs of all processes in the lab, its pods' included."""
    pids = (int(process.name) for process in Path("/proc").glob("[0-9]*"))
    return [pid for pid in pids if _descends(pid, init)]


def _descends(pid: int, ancestor: int) -> bool:
    while pid > 1:
        if pid == ancestor:
            return True
        try:
            status = (Path("/proc") / str(pid) / "stat").read_text()
        except OSError:
            return False
        pid = int(status.rpartition(")")[2].split()[1])
    return False


def end(folder: Path) -> None:
    """Kill the lab's first process, with it all others, and remove its cgroups."""
    init = find_init(folder)
    if init is not None:
        os.kill(init, signal.SIGKILL)
        while Path(f"/proc/{init}").exists():
            time.sleep(0.01)
    for hierarchy in cgroup_hierarchies():
        _remove_cgroup(hierarchy / cgroup_of(folder))


def make_cgroups(folder: Path) -> None:
    """Make the cgroup, in every hierarchy, below which the kubelet puts the pods."""
    for hierarchy in cgroup_hierarchies():
        _enable_controllers(hierarchy)
        (hierarchy / cgroup_of(folder)).mkdir(exist_ok=True)


def _enable_controllers(hierarchy: Path) -> None:
    """Let the children of a version 2 root have the controllers without which the kubelet refuses its cgroup.

    systemd enables a controller only when some unit asks for it. Version 1 has no such file.
    """
    offered = hierarchy / "cgroup.controllers"
    if offered.exists():
        for controller in _NEEDED_CONTROLLERS.intersection(offered.read_text().split()):
            (hierarchy / "cgroup.subtree_control").write_text(f"+{controller}")


def cgroup_hierarchies() -> list[Path]:
    """Where cgroups are mounted: one folder for version 2, one for each controller for version 1."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    return [Path(fields[1]) for fields in mounts if fields[2] in ("cgroup", "cgroup2")]


def _remove_cgroup(folder: Path) -> None:
    if not folder.exists():
        return
    for child in folder.iterdir():
        if child.is_dir():
            _remove_cgroup(child)
    deadline = time.monotonic() + 10
    while True:
        try:
            folder.rmdir()
        except OSError as error:  # a process of it is not wholly gone yet
            if time.monotonic() > deadline:
                raise LabError(f"{folder} is still in use: {error}") from error
            time.sleep(0.02)
        else:
            return


def _environment() -> dict[str, str]:
    """The caller's environment without settings that would reach the lab's programs by accident."""
    return {
        key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy") and key != "KUBECONFIG"
    }
