"""How busy the machine is, before it is asked to measure."""

import time
from pathlib import Path

from lab.progress import say

_LOOK = 2.0
_MUCH = 0.2


def warn_if_busy() -> None:
    """Say so when other programs take more than a fifth of the CPU: times would be theirs, too."""
    before = _ticks()
    time.sleep(_LOOK)
    busy, total = (now - then for now, then in zip(_ticks(), before, strict=True))
    if busy > _MUCH * total:
        say(f"other programs take {busy / total:.0%} of this machine's CPU: the times will be too long")


def _ticks() -> tuple[int, int]:
    """CPU time since the machine started: busy, and in all."""
    user, nice, system, idle, waiting, *rest = map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9])
    busy = user + nice + system + sum(rest)
    return busy, busy + idle + waiting
