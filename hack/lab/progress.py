"""Says what takes time, and runs what takes long without leaving anyone in the dark."""

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

_START = time.monotonic()
_HEARTBEAT = 15.0
_LINES, _LINE = 20, 300


class LabError(Exception):
    """Something the caller can mend; the text says how."""


def say(text: str) -> None:
    """Print one progress line with the seconds since the command began."""
    print(f"[{time.monotonic() - _START:6.1f}s] {text}", file=sys.stderr, flush=True)


def run(command: Sequence[str | Path], *, stdin: str | None = None, env: Mapping[str, str] | None = None) -> str:
    """Run a short command and return its standard output; LabError carries its last lines."""
    result = subprocess.run(command, input=stdin, env=env, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise LabError(f"{_shown(command)} failed ({result.returncode}):\n{_tail(result.stderr or result.stdout)}")
    return result.stdout


def run_long(
    command: Sequence[str | Path],
    what: str,
    log: Path,
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    counted: str = "lines of output",
) -> None:
    """Run a command of minutes, its output in log; every 15 s say how far it is, counted by its lines of output."""
    begin = time.monotonic()
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, cwd=cwd, env=env)
        try:
            while (status := _exit_status(process)) is None:
                lines = log.read_bytes().count(b"\n")
                say(f"{what}: {time.monotonic() - begin:.0f} s, {lines} {counted} so far")
        except BaseException:
            process.kill()
            process.wait()
            raise
    if status != 0:
        raise LabError(f"{what} failed ({_shown(command)}, exit {status}):\n{tail_of(log)}")


def tail_of(log: Path) -> str:
    """The last lines of a log, or nothing where there is none."""
    return _tail(log.read_text(errors="replace")) if log.exists() else ""


def _exit_status(process: subprocess.Popen[bytes]) -> int | None:
    """The exit status when it ends within one heartbeat, else None."""
    try:
        return process.wait(_HEARTBEAT)
    except subprocess.TimeoutExpired:
        return None


def _shown(command: Sequence[str | Path]) -> str:
    text = " ".join(map(str, command))
    return text if len(text) <= 160 else text[:157] + "..."


def _tail(text: str) -> str:
    return "\n".join(line[:_LINE] for line in text.strip().splitlines()[-_LINES:])
