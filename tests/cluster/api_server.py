"""A real API server with Headgate's chart on it."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab import handle, sandbox
from lab.layout import state_folder

ROOT = Path(__file__).resolve().parents[2]
SYSTEM = "headgate-system"


@contextmanager
def api_server(name: str) -> Iterator[handle.Lab]:
    """An API server with controllers and without nodes; one that is up already stays up."""
    was_up = sandbox.find_init(state_folder(name)) is not None
    yield handle.up(name, "--only", "api")
    if not was_up:
        handle.down(name)


def install_chart(lab: handle.Lab) -> None:
    """The CRD, the policies and the rights; no pod, since there is no node."""
    chart = str(ROOT / "charts" / "headgate")
    command = ["helm", "upgrade", "--install", "headgate", chart, "--create-namespace", "--namespace", SYSTEM]
    done = subprocess.run(
        [*command, "--set", "replicas=0"], env=lab.environment(), check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
