"""Requests to a lab's supervisor: one line of JSON there, one back."""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.progress import LabError

_SOCKET = "control.sock"


def listen(folder: Path) -> socket.socket:
    """The supervisor's listening socket."""
    server = socket.socket(socket.AF_UNIX)
    with _short_path(folder) as path:
        server.bind(path)
    server.listen()
    return server


def listens(folder: Path) -> bool:
    """Whether the supervisor takes requests by now."""
    try:
        with socket.socket(socket.AF_UNIX) as client, _short_path(folder) as path:
            client.connect(path)
    except OSError:
        return False
    return True


def ask(folder: Path, verb: str, component: str | None = None) -> dict[str, str]:
    """Send status, start or stop and return the components' states; LabError when refused or nobody answers."""
    try:
        with socket.socket(socket.AF_UNIX) as client, _short_path(folder) as path:
            client.settimeout(30)
            client.connect(path)
            with client.makefile("rw") as stream:
                stream.write(json.dumps({"verb": verb, "component": component}) + "\n")
                stream.flush()
                answer = json.loads(stream.readline())
    except (OSError, ValueError) as error:
        raise LabError(f"the lab in {folder} does not answer ({error}): is it up?") from error
    if "error" in answer:
        raise LabError(answer["error"])
    states: dict[str, str] = answer["states"]
    return states


@contextmanager
def _short_path(folder: Path) -> Iterator[str]:
    """Give a path of the socket that fits the 108 bytes a socket's address has, however deep the checkout is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield f"/proc/self/fd/{descriptor}/{_SOCKET}"
    finally:
        os.close(descriptor)
