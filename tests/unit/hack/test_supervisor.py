"""The first process of a lab, run here with small commands in place of Kubernetes."""

import json
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab import control
from lab.progress import LabError

HACK = Path(__file__).resolve().parents[3] / "hack"
PROGRAM = """
import json, sys
from pathlib import Path
from lab.component import Component
from lab.supervisor import Supervisor
folder = Path(sys.argv[1])
Supervisor([Component(*fields) for fields in json.loads((folder / "components.json").read_text())], folder).run()
"""
LISTENER = """
import socket, sys, time
time.sleep(0.2)
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen()
time.sleep(60)
"""
Start = Callable[..., Path]


@pytest.fixture
def supervise(tmp_path: Path) -> Iterator[Start]:
    """Start a supervisor over (name, command, ready, after) and return its folder."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*components: tuple[str, list[str], str, list[str]]) -> Path:
        (tmp_path / "log").mkdir()
        (tmp_path / "components.json").write_text(json.dumps(components))
        command = [sys.executable, "-c", textwrap.dedent(PROGRAM), str(tmp_path)]
        started.append(subprocess.Popen(command, env={"PYTHONPATH": str(HACK), "PATH": "/usr/bin:/bin"}))
        reach(lambda: control.listens(tmp_path))
        return tmp_path

    yield start
    for name, state in control.ask(tmp_path, "status").items():
        if state in {"ready", "starting"}:
            control.ask(tmp_path, "stop", name)
    started[0].kill()
    started[0].wait()


def reach(condition: Callable[[], bool]) -> None:
    """Return once the condition holds; its last state is in the failure."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "not reached within 10 s"
        time.sleep(0.01)


def states(folder: Path) -> dict[str, str]:
    return control.ask(folder, "status")


def test_a_component_starts_when_all_that_it_needs_are_ready(supervise: Start, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    wait_for_gate = f"until [ -e {gate} ]; do sleep 0.02; done"
    folder = supervise(
        ("objects", ["sh", "-c", wait_for_gate], "exit", []),
        ("proxy", ["sh", "-c", f"test -e {gate} && echo after > {tmp_path}/order"], "exit", ["objects"]),
    )
    assert states(folder) == {"objects": "starting", "proxy": "waiting"}

    gate.touch()

    reach(lambda: states(folder) == {"objects": "done", "proxy": "done"})
    assert (tmp_path / "order").read_text() == "after\n"


def test_a_component_is_ready_when_its_socket_accepts(supervise: Start, tmp_path: Path) -> None:
    path = tmp_path / "s"
    folder = supervise(("containerd", [sys.executable, "-c", LISTENER, str(path)], f"unix:{path}", []))

    reach(lambda: states(folder) == {"containerd": "ready"})


def test_one_that_dies_is_reported_and_what_needs_it_waits(supervise: Start) -> None:
    folder = supervise(("etcd", ["sh", "-c", "echo no disk; exit 3"], "exit", []), ("api", ["true"], "exit", ["etcd"]))

    reach(lambda: states(folder) == {"etcd": "exited 3", "api": "waiting"})
    assert (folder / "log" / "etcd.log").read_text() == "no disk\n"


def test_stopped_is_no_failure_and_start_brings_it_back(supervise: Start, tmp_path: Path) -> None:
    count = tmp_path / "count"
    folder = supervise(("prometheus", ["sh", "-c", f"echo x >> {count}; exec sleep 60"], "unix:/nowhere", []))
    reach(count.exists)

    assert control.ask(folder, "stop", "prometheus") == {"prometheus": "stopped"}
    assert control.ask(folder, "start", "prometheus") == {"prometheus": "starting"}

    reach(lambda: count.read_text() == "x\nx\n")


def test_an_unknown_component_is_refused_with_the_names_there_are(supervise: Start) -> None:
    folder = supervise(("etcd", ["true"], "exit", []))

    with pytest.raises(LabError, match="no component grafana: there are etcd"):
        control.ask(folder, "stop", "grafana")


def test_a_lab_that_is_down_says_so(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="is it up"):
        control.ask(tmp_path, "status")
