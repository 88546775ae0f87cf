"""For each test a shop in a namespace of its own, named after the test; a test that fails tells what happened there."""

import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.admission.kubectl import Kubectl
from tests.e2e.installation import Installation
from tests.e2e.shop import Shop
from tests.e2e.suite import SYSTEM, Install, Suite, prepared

FAILED = pytest.StashKey[bool]()
SHOP = pytest.StashKey[Shop]()
_LONGEST = 50


def namespace_of(item: pytest.Item) -> str:
    """`a-good-version-is-promoted` for `test_a_good_version_is_promoted`."""
    return re.sub("[^a-z0-9]+", "-", item.name.removeprefix("test_").lower())[:_LONGEST].strip("-")


def served(session: pytest.Session) -> tuple[str, ...]:
    """The namespaces of all tests whose shop is served by the operator's pods."""
    ours = [item for item in session.items if item.path.parent == Path(__file__).parent]
    tests = [item for item in ours if isinstance(item, pytest.Function) and "shop" in item.fixturenames]
    named = {namespace_of(test): test.name for test in tests}
    assert len(named) == len(tests), f"two tests have one namespace, so rename one: {sorted(named)}"
    # Without any the operator would serve the whole cluster.
    return tuple(sorted(named)) or ("nobody",)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long scenarios begin first."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.fixture(scope="session")
def suite(request: pytest.FixtureRequest) -> Iterator[Suite]:
    """The lab with Headgate installed; its progress is shown."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        preparing = prepared(served(request.session))
        suite = preparing.__enter__()
    yield suite
    with capture.global_and_fixture_disabled():
        preparing.__exit__(None, None, None)


@pytest.fixture
def shop(suite: Suite, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    """A shop that the operator's pods serve."""
    headgate = Installation(suite.lab, SYSTEM, (), suite.operator_image)
    with _opened(request.node, suite, headgate, tmp_path) as shop:
        yield shop


@pytest.fixture
def install(suite: Suite, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Install]:
    """Installs Headgate once more, for one shop alone, to be harmed or configured otherwise."""
    namespace = namespace_of(request.node)
    headgate = Installation(suite.lab, f"{SYSTEM}-{namespace}"[:63].strip("-"), (namespace,), suite.operator_image)

    def installed(shop: Shop, *, replicas: int, **values: Any) -> tuple[Shop, Installation]:
        headgate.install(replicas=replicas, crds={"install": False}, **values)
        return shop, headgate

    with _opened(request.node, suite, headgate, tmp_path) as shop:
        yield lambda **values: installed(shop, **values)
    if not request.node.stash.get(FAILED, default=False):
        headgate.uninstall()


@contextmanager
def _opened(item: pytest.Item, suite: Suite, headgate: Installation, folder: Path) -> Iterator[Shop]:
    """The shop of a test; what a failed test leaves stays to be looked at, where the lab does."""
    namespace = namespace_of(item)
    kubectl = Kubectl(suite.lab.environment(), namespace)
    shop = Shop(suite.lab, kubectl, folder, lambda: headgate.log(f"{namespace}/shop"))
    item.stash[SHOP] = shop
    yield shop
    shop.close()
    if not item.stash.get(FAILED, default=False):
        # Its pods would take CPU from the scenarios to come.
        shop.closes_down("--wait=false")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that fails tells what happened in its shop."""
    report = yield
    if report.when == "call" and report.failed and SHOP in item.stash:
        item.stash[FAILED] = True
        report.sections.append(("what happened", item.stash[SHOP].told()))
    return report
