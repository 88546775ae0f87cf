"""kopf as the watcher: event handlers only, so that it never writes to an object."""

import itertools
import random
from collections.abc import Awaitable, Callable, Collection, Iterator
from typing import Any

import aiohttp
import kopf

from headgate.api.names import RELEASE_LABEL
from headgate.cluster.projection import Projection
from headgate.cluster.resources import Resource
from headgate.cluster.watching import LABELLED

_OUTAGE = 600.0


class Backoffs:
    """Delays between kopf's attempts at one request: growing, jittered, about ten minutes in all.

    After that kopf ends the process; its own default would do so after 54 s of a failing API server.
    """

    def __iter__(self) -> Iterator[float]:
        total = 0.0
        for delay in itertools.chain((1.0, 2.0, 4.0, 8.0), itertools.repeat(15.0)):
            if total >= _OUTAGE:
                return
            total += delay
            yield delay * random.uniform(0.7, 1.3)  # noqa: S311 (jitter, no secret)


def settings() -> kopf.OperatorSettings:
    """The settings of kopf. Its discovery of resources is only done once; posting and peering are off."""
    chosen = kopf.OperatorSettings()
    chosen.peering.standalone = True
    chosen.posting.enabled = False
    chosen.scanning.disabled = True
    chosen.watching.chunk_size = 200
    chosen.watching.server_timeout = 300
    chosen.watching.connect_timeout = 10
    chosen.watching.reconnect_backoff = 1.0
    chosen.networking.request_timeout = 30
    chosen.networking.connect_timeout = 10
    chosen.networking.error_backoffs = Backoffs()
    chosen.queueing.worker_limit = 20
    chosen.queueing.idle_timeout = 0.2
    chosen.execution.max_workers = 1
    # The process is stopped by the controller, which has its own deadline.
    chosen.process.ultimate_exiting_timeout = None
    for resource in LABELLED:
        chosen.watching.label_selectors[resource.group, resource.version, resource.plural] = RELEASE_LABEL
    return chosen


def registry(
    kinds: Collection[Resource],
    projection: Projection,
    login: Callable[[], Awaitable[aiohttp.ClientSession]],
    server: str,
) -> kopf.OperatorRegistry:
    """The handlers: how to log in, and one that takes every watch event into the projection.

    Lists never come here: they are taken in by `headgate.cluster.watching`.
    """
    handlers = kopf.OperatorRegistry()

    @kopf.on.login(registry=handlers)
    async def log_in(**_: Any) -> kopf.AiohttpSession:  # noqa: ANN401 (kopf's keyword arguments)
        return kopf.AiohttpSession(server=server, aiohttp_session=await login())

    async def take_in(event: kopf.RawEvent, **_: Any) -> None:  # noqa: ANN401 (kopf's keyword arguments)
        projection.see(dict(event["object"]), gone=event["type"] == "DELETED")

    for resource in kinds:
        kopf.on.event(resource.group, resource.version, resource.plural, registry=handlers, id="take_in")(take_in)
    return handlers
