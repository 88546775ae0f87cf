"""How kopf watches the cluster: its HTTP session, authorised as the client is, with its lists taken in on their way.

kopf gives a handler one object at a time and never says that a list is complete, nor which objects are missing from
one. The session knows: the answer to a list passes through it. So lists go to the projection whole, from here, and
watch events go there from the handlers. kopf itself is told of an empty list: for each item it would start a task and
copy the object, 1.75 ms of CPU and 30 KiB in a queue, for handlers that are not there.
"""

import asyncio
import logging
from collections.abc import Collection
from typing import Any

import aiohttp
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse
from kubernetes.aio.client import ApiClient
from yarl import URL

from headgate.api.fields import Manifest
from headgate.cluster.client import Counter
from headgate.cluster.projection import Listing, Projection
from headgate.cluster.resources import (
    DEPLOYMENTS,
    ENDPOINT_SLICES,
    RELEASES,
    REPLICA_SETS,
    SERVICES,
    Resource,
    collection_at,
)

_log = logging.getLogger(__name__)


WATCHED = (RELEASES, DEPLOYMENTS, SERVICES, REPLICA_SETS, ENDPOINT_SLICES)
"""The kinds that are watched, beside those by which releases may let requests in."""

LABELLED = (REPLICA_SETS, ENDPOINT_SLICES)
"""Kinds of which only objects with a release's label are watched: none, while nothing is being released."""


class Lists:
    """The lists that kopf makes, taken into the projection.

    `complete` is set once every watched collection has been listed. Lists of other kinds are taken in after those of
    the releases, since only what a release names is kept.
    """

    def __init__(self, projection: Projection, kinds: Collection[Resource], namespaces: Collection[str]) -> None:
        scopes = namespaces or [""]
        self._projection = projection
        self._awaited = {(kind, namespace) for kind in kinds for namespace in scopes}
        self._begun: dict[tuple[Resource, str], Listing] = {}
        self._releases_known = asyncio.Event()
        self.complete = asyncio.Event()

    async def turn(self, url: URL) -> None:
        """Wait until a list may be taken in: those of other kinds come after the releases'."""
        collection = collection_at(url.path)
        if collection is not None and collection[0] != RELEASES:
            await self._releases_known.wait()

    def take_in(self, url: URL, answer: Manifest) -> Manifest:
        """Take in one page of a list. Returns the page without its items; any other answer as it is."""
        collection = collection_at(url.path)
        if collection is None or "items" not in answer:
            return answer
        if collection not in self._begun or "continue" not in url.query:
            self._begun[collection] = self._projection.listing(*collection)
        self._begun[collection].page(answer["items"])
        metadata = answer.get("metadata") or {}
        if not metadata.get("continue"):
            self._begun.pop(collection).end(metadata.get("resourceVersion", ""))
            self._listed(collection)
        return {**answer, "items": []}

    def _listed(self, collection: tuple[Resource, str]) -> None:
        self._awaited.discard(collection)
        if not any(resource == RELEASES for resource, _ in self._awaited):
            self._releases_known.set()
        if not self._awaited:
            self.complete.set()


def open_session(api: ApiClient, lists: Lists, count: Counter) -> aiohttp.ClientSession:
    """A session for kopf that shares the client's TLS context and credentials; kopf closes it."""

    class Answer(ClientResponse):
        async def json(self, **options: Any) -> Any:  # noqa: ANN401 (JSON)
            if self.status != 200:
                return await super().json(**options)
            await lists.turn(self.url)
            return _taken_in(lists, self.url, await super().json(**options))

    async def authorise(request: ClientRequest, send: ClientHandlerType) -> ClientResponse:
        await api.update_params_for_auth(request.headers, [], ["BearerToken"], None, None, None)
        response = await send(request)
        _count(count, request.url, response.status)
        return response

    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=api.rest_client.ssl_context),
        headers={"User-Agent": api.user_agent},
        response_class=Answer,
        middlewares=(authorise,),
        proxy=api.configuration.proxy,
        trust_env=False,
    )


def _taken_in(lists: Lists, url: URL, answer: Manifest) -> Manifest:
    """A list that cannot be understood must not end kopf's watch."""
    try:
        return lists.take_in(url, answer)
    except Exception:
        _log.exception(
            "the list %s could not be read: restart the operator once its objects are as they should be", url
        )
        return {**answer, "items": []}


def _count(count: Counter, url: URL, status: int) -> None:
    collection = collection_at(url.path)
    verb = "watch" if url.query.get("watch") == "true" else "list"
    count(verb if collection else "get", collection[0].plural if collection else "discovery", status)
