"""One replica before it can work: its endpoints, its port. On a virtual clock."""

import asyncio
import socket
from types import SimpleNamespace
from typing import NoReturn

import pytest
from aiohttp.test_utils import make_mocked_request

from headgate.controller.app import Operator
from headgate.controller.config import HttpConfig, OperatorConfig
from headgate.controller.loop import Brain
from headgate.controller.metering import watch_of
from headgate.metrics.reader import MetricsReader
from headgate.metrics.watch import Watch
from headgate.release.machine import decide
from headgate.release.reporting import due
from tests.unit.cluster.manifests import canary_release

pytestmark = pytest.mark.looptime


async def refuse(*_: object, **__: object) -> NoReturn:
    raise ConnectionRefusedError("connection refused")


def operator_at(port: int) -> Operator[Watch]:
    api = SimpleNamespace(configuration=SimpleNamespace(host="https://down"), param_serialize=refuse)
    config = OperatorConfig(http=HttpConfig(port=port))
    return Operator(config, api, Brain(decide, due, watch_of), MetricsReader({}))


async def test_it_is_alive_for_as_long_as_it_waits() -> None:
    """Else the kubelet restarts it again and again through an outage, and ever later after it."""
    operator = operator_at(port=0)
    running = asyncio.create_task(operator.run())
    await asyncio.sleep(600)

    probes, request = operator._probes(), make_mocked_request("GET", "/")  # noqa: SLF001 (what a kubelet would see)
    assert (await probes.livez(request)).status == 200
    assert (await probes.readyz(request)).status == 503

    operator.stop()
    assert await running == 0


async def test_a_standby_keeps_no_list_of_what_happened() -> None:
    """It may stand by for months, while names come and go; when it comes to lead it looks at every release."""
    operator = operator_at(port=0)
    for number in range(100):
        manifest = canary_release(f"preview-{number}", 2 * number + 1)
        operator._projection.see(manifest)  # noqa: SLF001 (as a watch event does)
        manifest["metadata"]["resourceVersion"] = str(2 * number + 2)
        operator._projection.see(manifest, gone=True)  # noqa: SLF001 (as above)
    assert len(operator._scheduler) == 0  # noqa: SLF001 (what /metrics tells as headgate_queue_depth)


async def test_a_port_that_is_taken_is_one_sentence(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("", 0)) as other:
        port = other.getsockname()[1]
        assert await operator_at(port).run() == 1
    assert f"port {port} cannot be served: Address already in use" in caplog.text
