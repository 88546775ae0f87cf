"""What all tests share: event loops, and which of them go to one process where several share the work."""

import asyncio
from pathlib import Path

import pytest

# The plugin of looptime asks for the current event loop before each test, synchronous ones too. Asyncio would make one
# for the first that asks; nobody would close it, and its ResourceWarning would fail whichever test runs as it is freed.
asyncio.set_event_loop(None)

_CLUSTER = Path(__file__).parent / "cluster"


@pytest.hookimpl(tryfirst=True)  # xdist reads the marks in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests of one folder of tests/cluster share an API server of their own, thus one process."""
    for item in items:
        if item.path.is_relative_to(_CLUSTER):
            item.add_marker(pytest.mark.xdist_group(item.path.parent.name))
