"""A second Prometheus in the lab, which a test may stop without blinding the others."""

import os
import signal
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

from lab.handle import Lab
from lab.processes import in_namespaces
from lab.supervisor import answers
from tests.cluster.shell.operator_process import until

_PORT = 9190


class OwnPrometheus:
    """Scrapes what the lab's own Prometheus scrapes; the operator's configuration calls it `other`."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        options = {
            "config.file": str(lab.folder / "config" / "prometheus.yml"),
            "storage.tsdb.path": str(folder / "prometheus"),
            "web.listen-address": urlsplit(self.url(lab)).netloc,
            "log.level": "error",
        }
        program = [str(lab.program("prometheus")), *(f"--{name}={value}" for name, value in options.items())]
        self._command = in_namespaces(lab.folder, program)
        self._ready = f"{self.url(lab)}/-/ready"
        self._process: subprocess.Popen[bytes] | None = None

    @staticmethod
    def url(lab: Lab) -> str:
        """Where it answers, to pods as well."""
        return f"http://{urlsplit(lab.prometheus_url or '').hostname}:{_PORT}"

    def start(self) -> None:
        """Returns when it answers queries."""
        # A group of its own, for nsenter passes no signal on.
        self._process = subprocess.Popen(self._command, start_new_session=True)
        until("Prometheus is ready", lambda: answers(self._ready))

    def stop(self) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGTERM)
            self._process.wait()
            self._process = None
