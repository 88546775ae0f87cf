"""The operator's pod that leads, as a process of this machine: its memory, its CPU."""

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from demo.stage import SYSTEM
from lab import sandbox
from lab.handle import Lab
from lab.progress import LabError

USER = f"system:serviceaccount:{SYSTEM}:headgate"
"""Who the operator is to the API server."""
_EVERY = 0.5
_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Leader:
    """One process, by its number on this machine."""

    pod: str
    pid: int

    @property
    def memory(self) -> int:
        """Bytes of it that are in memory now (RSS)."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * _PAGE

    @property
    def cpu_seconds(self) -> float:
        """The CPU time that it has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICK


def find(lab: Lab) -> Leader:
    """The process that holds the lease. LabError when nobody does."""
    holder = lab.kubectl(
        "get", "lease", "headgate", f"--namespace={SYSTEM}", "--output=jsonpath={.spec.holderIdentity}"
    )
    pod = holder.rpartition("_")[0]
    init = sandbox.find_init(lab.folder)
    named = f"POD_NAME={pod}\0".encode()
    for pid in sandbox.processes(init) if pod and init else ():
        if named in _environment(pid):
            return Leader(pod, pid)
    raise LabError(f"no operator leads: `kubectl get pods,leases -n {SYSTEM}`")


def addresses(lab: Lab) -> set[str]:
    """The addresses of all of the operator's pods."""
    found = json.loads(lab.kubectl("get", "pods", f"--namespace={SYSTEM}", "--output=json"))
    return {pod["status"]["podIP"] for pod in found["items"] if pod["status"].get("podIP")}


@dataclass
class Peak:
    """The most memory that was seen."""

    bytes: int = 0
    _over: threading.Event = field(default_factory=threading.Event)

    def watch(self, leader: Leader) -> None:
        """Look twice a second until it is over."""
        while not self._over.wait(_EVERY):
            self.bytes = max(self.bytes, leader.memory)

    def end(self) -> None:
        self._over.set()


@contextmanager
def peak(leader: Leader) -> Iterator[Peak]:
    """The most memory that the leader has within the block."""
    seen = Peak(leader.memory)
    thread = threading.Thread(target=seen.watch, args=[leader], daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        seen.end()
        thread.join()


def _environment(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:  # it ended while we looked
        return b""
