"""A lab with Headgate installed, and for each test a shop in a namespace of its own, named after the test."""

import json
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from lab import binaries, sandbox
from lab.cache import lock
from lab.handle import Lab, down, up
from lab.layout import state_folder
from lab.oci_archive import write_static_image
from lab.progress import say
from tests.cluster.admission.kubectl import Kubectl
from tests.e2e.installation import Installation, Operator
from tests.e2e.manifests import REPOSITORY, VERSIONS
from tests.e2e.shop import Shop

LAB = "e2e"
_LONGEST = 50


@dataclass(frozen=True)
class Suite:
    """What all scenarios share."""

    lab: Lab
    operator_image: str


def namespace_of(item: pytest.Item) -> str:
    """`a-good-version-is-promoted` for `test_a_good_version_is_promoted`."""
    return re.sub("[^a-z0-9]+", "-", item.name.removeprefix("test_").lower())[:_LONGEST].strip("-")


def served(session: pytest.Session) -> tuple[str, ...]:
    """The namespaces of all tests whose shop is served by the operator's pods."""
    return tuple(
        sorted(
            namespace_of(item) for item in session.items if isinstance(item, pytest.Function) and "shop" in item.fixturenames
        )
    )


@pytest.fixture(scope="session")
def suite(request: pytest.FixtureRequest) -> Iterator[Suite]:
    """The lab and in it Headgate's pods; the first test process makes it all, the last one takes it down."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with lock(LAB), capture.global_and_fixture_disabled():
        run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
        suite = _joined(run) or _made(run, served(request.session))
    yield suite
    with lock(LAB), capture.global_and_fixture_disabled():
        _left()


def _state() -> Path:
    return state_folder(LAB) / "suite.json"


def _joined(run: str) -> Suite | None:
    """What another process of this test run has made; None when this one is the first."""
    state = json.loads(_state().read_text()) if _state().exists() else {}
    if state.get("run") != run:
        return None
    _state().write_text(json.dumps(state | {"processes": state["processes"] + 1}))
    return Suite(Lab.load(LAB), state["operator"])


def _made(run: str, namespaces: tuple[str, ...]) -> Suite:
    keep = sandbox.find_init(state_folder(LAB)) is not None or bool(os.environ.get("HEADGATE_KEEP_LAB"))
    lab = up(LAB)
    lab.set_scrape_interval("1s")
    suite = Suite(lab, lab.load_image("operator"))
    _load_shop(lab)
    say(f"installing Headgate for {len(namespaces)} namespaces")
    Installation(lab, "headgate-system", namespaces, suite.operator_image).install(replicas=2, crds=True)
    say("running the scenarios")
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
        down(LAB)


@pytest.fixture
def shop(suite: Suite, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    """A shop that the operator's pods serve."""
    namespace = namespace_of(request.node)
    kubectl = Kubectl(suite.lab.environment(), namespace)
    installation = Installation(suite.lab, "headgate-system", (), suite.operator_image)
    shop = Shop(suite.lab, kubectl, tmp_path, lambda: installation.log(f"{namespace}/shop"))
    yield shop
    shop.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """A test that fails tells what happened in its shop."""
    report = yield
    shop = getattr(item, "funcargs", {}).get("shop")
    if report.when == "call" and report.failed and shop is not None:
        report.sections.append(("what happened", shop.told()))
    return report
