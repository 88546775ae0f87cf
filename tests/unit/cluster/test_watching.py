"""kopf's lists on their way through the session: whole, in the right order, and harmless."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from yarl import URL

from headgate.api.fields import Manifest
from headgate.cluster.client import connect
from headgate.cluster.projection import Key, Projection
from headgate.cluster.resources import ENTRIES, RELEASES, Resource
from headgate.cluster.watching import LABELLED, WATCHED, Lists, open_session
from tests.unit.cluster.manifests import canary_release, deployment, service

SHOP = Key("prod", "shop")
ROOTS = {resource: resource.path() for resource in (*WATCHED, *ENTRIES)}


def page(*items: Manifest, version: int = 10, more: str = "") -> Manifest:
    bare = [{key: value for key, value in item.items() if key not in {"kind", "apiVersion"}} for item in items]
    return {"items": bare, "metadata": {"resourceVersion": str(version), "continue": more}}


@dataclass
class Scene:
    """Lists of all watched kinds, cluster-wide unless namespaces are given."""

    namespaces: tuple[str, ...] = ()
    kinds: tuple[Resource, ...] = WATCHED
    projection: Projection = field(default_factory=lambda: Projection(lambda _: None))

    def __post_init__(self) -> None:
        self.lists = Lists(self.projection, self.kinds, self.namespaces)

    async def hear(self, resource: Resource, answer: Manifest, namespace: str = "", **query: str) -> None:
        url = URL("https://api" + resource.path(namespace)).with_query({"limit": "200", **query})
        await self.lists.turn(url)
        self.lists.take_in(url, answer)

    async def hear_all(self, namespace: str = "") -> None:
        for resource in self.kinds:
            await self.hear(resource, page(), namespace)


async def test_complete_once_every_kind_was_listed() -> None:
    scene = Scene()
    for resource in scene.kinds:
        assert not scene.lists.complete.is_set()
        await scene.hear(resource, page())
    assert scene.lists.complete.is_set()


async def test_complete_once_every_kind_was_listed_in_every_namespace() -> None:
    scene = Scene(namespaces=("prod", "test"))
    listening = asyncio.create_task(scene.hear_all("prod"))
    await asyncio.sleep(0)
    await scene.hear_all("test")
    await listening
    assert scene.lists.complete.is_set()


async def test_an_empty_list_counts_too() -> None:
    """With event handlers alone an empty collection would never be heard of."""
    scene = Scene()
    await scene.hear_all()
    assert scene.lists.complete.is_set()
    assert scene.projection.releases() == []


async def test_other_kinds_are_taken_in_after_the_releases_whatever_comes_first() -> None:
    """Only what a release names is kept: its Deployment, listed too early, would be thrown away."""
    scene = Scene()
    early = asyncio.create_task(scene.hear(DEPLOYMENTS, page(deployment("shop", 5))))
    await asyncio.sleep(0)
    assert not early.done()
    await scene.hear(RELEASES, page(canary_release("shop", 6)))
    await early
    assert scene.projection.deployment("prod", "shop") is not None


async def test_a_list_in_pages_is_one_list() -> None:
    """What the first page held must not be dropped by the second."""
    scene = Scene()
    await scene.hear(RELEASES, page(canary_release("shop", 5), more="next"))
    assert not scene.lists.complete.is_set()
    await scene.hear(RELEASES, page(canary_release("cart", 6)), **{"continue": "next"})
    assert sorted(key.name for key in scene.projection.releases()) == ["cart", "shop"]


async def test_a_list_that_broke_off_and_began_anew_counts_from_its_new_beginning() -> None:
    scene = Scene()
    await scene.hear(RELEASES, page(canary_release("shop", 5), more="next"))
    await scene.hear(RELEASES, page(canary_release("cart", 6), version=20))
    assert [key.name for key in scene.projection.releases()] == ["cart"]


async def test_a_later_list_drops_what_is_gone() -> None:
    scene = Scene()
    await scene.hear(RELEASES, page(canary_release("shop", 5)))
    await scene.hear(SERVICES, page(service("shop", 6)))
    await scene.hear(SERVICES, page(version=30))
    assert scene.projection.service("prod", "shop") is None


def test_what_is_made_for_releases_is_watched_by_label() -> None:
    assert [resource.plural for resource in LABELLED] == ["replicasets", "endpointslices"]


DEPLOYMENTS, SERVICES = WATCHED[1:3]


@dataclass
class Server:
    answers: dict[str, Any] = field(default_factory=dict)
    tokens: list[str] = field(default_factory=list)

    async def serve(self, request: web.Request) -> web.Response:
        self.tokens.append(request.headers.get("Authorization", ""))
        status, body = self.answers.get(request.path, (404, {"kind": "Status", "code": 404, "items": []}))
        return web.json_response(body, status=status)


@dataclass
class Connection:
    server: Server
    session: aiohttp.ClientSession
    url: URL
    scene: Scene
    counted: list[tuple[str, str, int]]
    token_file: Path

    async def get(self, path: str, **query: str) -> Any:
        async with self.session.get(self.url.with_path(path).with_query(query)) as response:
            return await response.json()


@pytest.fixture
async def connection(tmp_path: Path) -> AsyncIterator[Connection]:
    server, scene, counted = Server(), Scene(), list[tuple[str, str, int]]()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.serve)
    async with TestServer(app) as running:
        url = running.make_url("/")
        token_file = tmp_path / "token"
        token_file.write_text("first")
        config = tmp_path / "config"
        user = {"name": "u", "user": {"tokenFile": str(token_file)}}
        cluster = {"name": "c", "cluster": {"server": str(url).rstrip("/")}}
        context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
        config.write_text(
            json.dumps({"current-context": "c", "clusters": [cluster], "users": [user], "contexts": [context]})
        )
        api = await connect(str(config))
        session = open_session(api, scene.lists, lambda *what: counted.append(what))
        yield Connection(server, session, url, scene, counted, token_file)
        await session.close()
        await api.close()


async def test_a_list_goes_to_the_projection_and_kopf_is_told_of_an_empty_one(connection: Connection) -> None:
    """It then watches from the version of the list, and starts no task for each of its items."""
    connection.server.answers[ROOTS[RELEASES]] = (200, page(canary_release("shop", 5), version=7))
    assert await connection.get(ROOTS[RELEASES]) == page(version=7)
    assert connection.scene.projection.releases() == [SHOP]


async def test_other_answers_reach_kopf_as_they_are(connection: Connection) -> None:
    found = {"kind": "APIGroupList", "items": ["not", "a", "list", "of", "ours"]}
    connection.server.answers["/apis"] = (200, found)
    assert await connection.get("/apis") == found


async def test_the_session_is_authorised_as_the_client_is(connection: Connection) -> None:
    connection.server.answers["/apis"] = (200, {})
    await connection.get("/apis")
    assert connection.server.tokens == ["Bearer first"]


async def test_requests_are_counted_by_verb_and_resource(connection: Connection) -> None:
    connection.server.answers = {ROOTS[RELEASES]: (200, page()), "/apis": (200, {})}
    await connection.get("/apis")
    await connection.get(ROOTS[RELEASES])
    await connection.get(ROOTS[SERVICES])
    async with connection.session.get(connection.url.with_path(ROOTS[RELEASES]).with_query(watch="true")):
        pass
    assert connection.counted == [
        ("get", "discovery", 200),
        ("list", "canaryreleases", 200),
        ("list", "services", 404),
        ("watch", "canaryreleases", 200),
    ]


async def test_a_refused_list_is_not_taken_for_an_empty_one(connection: Connection) -> None:
    """Else a 403 in a gap of the watch would look like the end of all releases."""
    await connection.scene.hear(RELEASES, page(canary_release("shop", 5)))
    connection.server.answers[ROOTS[RELEASES]] = (403, page(version=99))
    await connection.get(ROOTS[RELEASES])
    assert connection.scene.projection.releases() == [SHOP]


async def test_one_object_that_cannot_be_read_costs_no_other_its_place(caplog: pytest.LogCaptureFixture) -> None:
    """Its owner can write what he likes into it; everyone's releases must go on."""
    scene = Scene()
    strange = service("shop", 6) | {"spec": {"selector": "none"}}
    await scene.hear(RELEASES, page(canary_release("shop", 4), canary_release("cart", 5, target="cart")))
    await scene.hear(SERVICES, page(strange, service("cart", 7)))
    assert scene.projection.service("prod", "shop") is None
    assert scene.projection.service("prod", "cart") is not None
    assert "Service prod/shop cannot be read, so it counts as absent" in caplog.text
    await scene.hear_all()
    assert scene.lists.complete.is_set()


async def test_a_list_that_cannot_be_read_is_logged_and_does_not_end_the_watch(
    connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    connection.server.answers[ROOTS[RELEASES]] = (200, {"items": [{"metadata": {}}], "metadata": {}})
    assert await connection.get(ROOTS[RELEASES]) == {"items": [], "metadata": {}}
    assert not connection.scene.lists.complete.is_set()
    assert "could not be read" in caplog.text
