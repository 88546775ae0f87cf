"""The operator's pod that leads, as a process of this machine: its memory, its CPU."""

import json
import os
import threading
import time
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
_PATIENCE = 30.0
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
    """The process that holds the lease; a new one is waited for. LabError when nobody takes it."""
    deadline = time.monotonic() + _PATIENCE
    while (leader := _holder(lab)) is None:
        if time.monotonic() > deadline:
            raise LabError(f"for {_PATIENCE:.0f} s no operator leads: `kubectl get pods,leases -n {SYSTEM}`")
        time.sleep(_EVERY)
    return leader


def _holder(lab: Lab) -> Leader | None:
    lease = ["get", "lease", "headgate", f"--namespace={SYSTEM}", "--output=jsonpath={.spec.holderIdentity}"]
    pod = lab.kubectl(*lease).rpartition("_")[0]
    init = sandbox.find_init(lab.folder)
    pids = sandbox.processes(init) if pod and init else []
    named = f"POD_NAME={pod}\0".encode()
    return next((Leader(pod, pid) for pid in pids if named in _environment(pid)), None)


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
