"""The first process in a lab's namespaces: starts the components, reaps what dies, answers on control.sock.

It restarts nothing: a component that dies is reported, not papered over. When this process is killed, the kernel
kills everything else in its PID namespace.
"""

import json
import os
import selectors
import signal
import socket
import ssl
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from lab import isolation
from lab.component import Component
from lab.components import components_of
from lab.control import listen
from lab.settings import Settings

_PROBE_EVERY = 0.05
_STOP_GRACE = 5.0


@dataclass
class Process:
    """A component and what became of it."""

    component: Component
    pid: int | None = None
    ready: bool = False
    exit_status: int | None = None
    stopped: bool = False

    @property
    def state(self) -> str:
        """One of waiting, starting, ready, done, stopped, `exited N`."""
        if self.pid is not None:
            return "ready" if self.ready else "starting"
        if self.exit_status is None:
            return "waiting"
        if self.ready:
            return "done"
        return "stopped" if self.stopped else f"exited {self.exit_status}"


class Supervisor:
    """Runs components in one thread: wakes for a dead child, for a request, and to probe what is not ready yet."""

    def __init__(self, components: list[Component], folder: Path) -> None:
        """Take what to run and the folder for logs and the control socket."""
        self._processes = {component.name: Process(component) for component in components}
        self._logs = folder / "log"
        self._selector = selectors.DefaultSelector()
        self._requests = listen(folder)
        self._selector.register(self._requests, selectors.EVENT_READ, self._answer)
        wakes, self._wake = socket.socketpair()
        self._wake.settimeout(0)
        self._selector.register(wakes, selectors.EVENT_READ, lambda: wakes.recv(4096))
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake.fileno())

    def run(self) -> None:
        """Never return."""
        while True:
            self._start_what_can()
            starting = any(process.state == "starting" for process in self._processes.values())
            for key, _ in self._selector.select(_PROBE_EVERY if starting else None):
                key.data()
            self._reap()
            self._probe()

    def _start_what_can(self) -> None:
        for process in self._processes.values():
            if process.state == "waiting" and all(self._processes[name].ready for name in process.component.after):
                self._start(process)

    def _start(self, process: Process) -> None:
        component = process.component
        log = str(self._logs / f"{component.name}.log")
        process.ready, process.stopped, process.exit_status = False, False, None
        process.pid = os.posix_spawnp(
            component.command[0],
            component.command,
            {**os.environ, **component.environment},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setpgroup=0,
            # Python ignores SIGPIPE, and what it ignores its children would ignore too.
            setsigdef=[signal.SIGPIPE],
        )

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for process in self._processes.values():
                if process.pid == pid:
                    process.pid, process.exit_status = None, os.waitstatus_to_exitcode(status)
                    process.ready = process.component.ready == "exit" and process.exit_status == 0

    def _probe(self) -> None:
        for process in self._processes.values():
            if process.state == "starting":
                process.ready = answers(process.component.ready)

    def _answer(self) -> None:
        connection, _ = self._requests.accept()
        with connection, connection.makefile("rw") as stream:
            line = stream.readline()
            if not line:  # someone who only asked whether we listen
                return
            request = json.loads(line)
            stream.write(json.dumps(self._handle(request["verb"], request.get("component"))) + "\n")

    def _handle(self, verb: str, name: str | None) -> dict[str, object]:
        if name is not None and name not in self._processes:
            return {"error": f"no component {name}: there are {', '.join(self._processes)}"}
        if name is not None and verb == "stop":
            self._stop(self._processes[name])
        if name is not None and verb == "start" and self._processes[name].pid is None:
            self._start(self._processes[name])
        return {"states": {name: process.state for name, process in self._processes.items()}}

    def _stop(self, process: Process) -> None:
        """End a component by SIGTERM, and after a grace by SIGKILL: kube-apiserver lingers for a minute."""
        process.stopped = True
        deadline = time.monotonic() + _STOP_GRACE
        if process.pid is not None:
            os.kill(process.pid, signal.SIGTERM)
        while process.pid is not None:
            if time.monotonic() > deadline:
                os.kill(process.pid, signal.SIGKILL)
            time.sleep(0.01)
            self._reap()


def answers(probe: str) -> bool:
    """Whether a component's probe (see Component.ready) succeeds now."""
    try:
        if probe.startswith("unix:"):
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(probe.removeprefix("unix:"))
            return True
        if probe.startswith("http"):
            with urllib.request.urlopen(probe, timeout=1, context=_UNVERIFIED) as response:
                return bool(response.status == 200)
    except OSError:
        pass
    return False


# A probe asks a server of this lab, before anyone could know its certificate.
_UNVERIFIED = ssl.create_default_context()
_UNVERIFIED.check_hostname = False
_UNVERIFIED.verify_mode = ssl.CERT_NONE


def main(folder: Path) -> None:
    """Wait for the word that the network is there, make this namespace a node's, and supervise."""
    if not sys.stdin.readline():
        sys.exit("the command that started this lab ended before it was set up")
    settings = Settings.load(folder)
    isolation.prepare_mounts(settings)
    Supervisor(components_of(settings), folder).run()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
