"""The operator as a process of its own, as a container runs it: its log, its endpoints, its signals."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[3]
_MIB = 2**20
_PATIENCE = 30.0

Line = dict[str, Any]


def until(what: str | Callable[[], str], met: Callable[[], Any], seconds: float = _PATIENCE) -> Any:
    """The first true value of a condition that is asked ten times a second; fails with `what` it waited for."""
    deadline = time.monotonic() + seconds
    while not (value := met()):
        assert time.monotonic() < deadline, f"after {seconds:g} s still not: {what() if callable(what) else what}"
        time.sleep(0.1)
    return value


@dataclass
class OperatorProcess:
    """`headgate run` with a configuration and a kubeconfig."""

    config: Path
    kubeconfig: Path
    lines: list[Line] = field(default_factory=list)

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "headgate.cli.main", "run"]
        self.process = subprocess.Popen(
            [*command, "--config", str(self.config), "--kubeconfig", str(self.kubeconfig)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT / "operator")},
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait()
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for text in self.process.stdout:
            try:
                self.lines.append(json.loads(text))
            except ValueError:
                self.lines.append({"message": text.rstrip(), "unstructured": True})

    def log(self) -> str:
        return "\n".join(json.dumps(line) for line in self.lines)

    def wait_for(self, message: str, seconds: float = _PATIENCE) -> Line:
        """The first log line whose message matches; fails at once where the process has ended without it."""

        def found() -> Line | None:
            ended = self.process.poll() is not None
            line = next((line for line in self.lines if re.search(message, line.get("message", ""))), None)
            assert line or not ended, f"it ended with {self.process.returncode}:\n{self.log()}"
            return line

        line: Line = until(lambda: f"a log line like {message!r} in:\n{self.log()}", found, seconds)
        return line

    def leads(self, seconds: float = _PATIENCE) -> Line:
        return self.wait_for("^leading$", seconds)

    def says(self, message: str) -> bool:
        return any(re.search(message, line.get("message", "")) for line in self.lines)

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def ends(self, seconds: float) -> int:
        """The exit status, waited for."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {seconds:g} s:\n{self.log()}") from None

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of one of its endpoints."""
        port = self.wait_for("serving probes and metrics")["port"]
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def metric(self, name: str) -> float:
        """The value of one sample, by its name with labels as it stands in the text; 0 where it is absent."""
        match = re.search(rf"^{re.escape(name)} (\S+)$", self.get("/metrics")[1], re.MULTILINE)
        return float(match[1]) if match else 0.0

    def resident_mib(self) -> float:
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        match = re.search(r"VmRSS:\s+(\d+) kB", text)
        assert match
        return int(match[1]) * 1024 / _MIB

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
