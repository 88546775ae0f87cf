"""What all scenarios share: a lab with Headgate's pods in it, made by the first test process and ended by the last."""

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab import binaries, sandbox
from lab.cache import lock
from lab.handle import Lab, down, up
from lab.layout import state_folder
from lab.oci_archive import write_static_image
from lab.progress import say
from tests.e2e.installation import Installation
from tests.e2e.manifests import REPOSITORY, VERSIONS
from tests.e2e.prometheus import PORTS, OwnPrometheus
from tests.e2e.shop import Shop

NAME = "e2e"
SYSTEM = "headgate-system"
Install = Callable[..., tuple[Shop, Installation]]
"""Installs the chart with some values for one shop alone."""


@dataclass(frozen=True)
class Suite:
    """The lab, and the image of the operator in it."""

    lab: Lab
    operator_image: str


@contextmanager
def prepared(served: tuple[str, ...]) -> Iterator[Suite]:
    """The lab with Headgate serving these namespaces. Whoever comes first makes it; the last takes it down.

    A lab that was up before, or that HEADGATE_KEEP_LAB asks for, stays up.
    """
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    with lock(NAME):
        suite = _joined(run) or _made(run, served)
    yield suite
    with lock(NAME):
        _left()


def _state() -> Path:
    return state_folder(NAME) / "suite.json"


def _joined(run: str) -> Suite | None:
    """What another process of this test run has made; None when this one is the first."""
    state = json.loads(_state().read_text()) if _state().exists() else {}
    if state.get("run") != run:
        return None
    _state().write_text(json.dumps(state | {"processes": state["processes"] + 1}))
    return Suite(Lab.load(NAME), state["operator"])


def _made(run: str, served: tuple[str, ...]) -> Suite:
    keep = sandbox.find_init(state_folder(NAME)) is not None or bool(os.environ.get("HEADGATE_KEEP_LAB"))
    lab = up(NAME)
    lab.set_scrape_interval("1s")
    say("loading images")
    suite = Suite(lab, lab.load_image("operator"))
    _load_shop(lab)
    say(f"installing Headgate for {len(served)} namespaces")
    servers = {"default": {"url": lab.prometheus_url_in_cluster}}
    servers |= {name: {"url": OwnPrometheus.url(lab, name)} for name in PORTS}
    Installation(lab, SYSTEM, served, suite.operator_image).install(
        replicas=2, prometheus=servers, gateway={"enabled": True}
    )
    say("telling the scenarios")
    state = {"run": run, "processes": 1, "keep": keep, "operator": suite.operator_image}
    _state().write_text(json.dumps(state))
    return suite


def _load_shop(lab: Lab) -> None:
    """The images of all versions of the shop: one program, which is told by its environment how to behave."""
    program = binaries.build([binaries.SAMPLE])["sample"]
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "shop.tar"
        write_static_image(archive, program, tuple(f"{REPOSITORY}:{version}" for version in VERSIONS))
        lab.load_image(str(archive))


def _left() -> None:
    state = json.loads(_state().read_text())
    state["processes"] -= 1
    _state().write_text(json.dumps(state))
    if state["processes"] == 0 and not state["keep"]:
        say("taking the lab down; HEADGATE_KEEP_LAB=1 keeps it")
        down(NAME)
