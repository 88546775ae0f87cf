"""Further Prometheus servers in the lab: one that a test may stop without blinding others, one that scrapes rarely."""

import os
import re
import signal
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

from lab.handle import Lab
from lab.processes import in_namespaces
from lab.supervisor import answers
from tests.cluster.shell.operator_process import until

PORTS = {"other": 9190, "rare": 9191}
"""Where each is to be found, by the name that the operator's configuration gives it."""


class OwnPrometheus:
    """Scrapes what the lab's own Prometheus scrapes, as often or at another interval."""

    def __init__(self, lab: Lab, folder: Path, name: str, scrape_interval: str = "") -> None:
        config = (lab.folder / "config" / "prometheus.yml").read_text()
        if scrape_interval:
            config = re.sub("(scrape_interval: ).*", rf"\g<1>{scrape_interval}", config)
        (folder / "prometheus.yml").write_text(config)
        options = {
            "config.file": str(folder / "prometheus.yml"),
            "storage.tsdb.path": str(folder / "prometheus"),
            "web.listen-address": urlsplit(self.url(lab, name)).netloc,
            "log.level": "error",
        }
        program = [str(lab.program("prometheus")), *(f"--{name}={value}" for name, value in options.items())]
        self._command = in_namespaces(lab.folder, program)
        self._ready = f"{self.url(lab, name)}/-/ready"
        self._process: subprocess.Popen[bytes] | None = None

    @staticmethod
    def url(lab: Lab, name: str) -> str:
        """Where it answers, to pods as well."""
        return f"http://{urlsplit(lab.prometheus_url or '').hostname}:{PORTS[name]}"

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
