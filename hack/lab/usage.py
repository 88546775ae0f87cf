"""What a lab costs: processes, memory and CPU."""

import os
import time
from pathlib import Path

from lab import sandbox

_INTERVAL = 10.0


def measure(folder: Path) -> str:
    """One line about all processes of the lab, its pods' included, over ten seconds."""
    init = sandbox.find_init(folder)
    if init is None:
        return "not running"
    before = cpu_seconds(init)
    time.sleep(_INTERVAL)
    share = (cpu_seconds(init) - before) / _INTERVAL
    pids = sandbox.processes(init)
    memory = sum(map(_proportional_set_size, pids))
    return f"{len(pids)} processes, {memory / 2**20:.0f} MiB, {share:.1%} of one core over {_INTERVAL:.0f} s"


def cpu_seconds(init: int) -> float:
    """The CPU time of the lab's processes and of their children that ended."""
    ticks = 0
    for pid in sandbox.processes(init):
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def _proportional_set_size(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
