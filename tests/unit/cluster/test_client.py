"""The client over a real connection: what it sends, what it repeats, and what it says when something fails."""

import asyncio
import json
import socket
import ssl
from asyncio.sslproto import SSLProtocol
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import certifi
import pytest
from aiohttp import web
from aiohttp.test_utils import BaseTestServer, TestServer
from kubernetes.aio.config import ConfigException, incluster_config

from headgate.cluster.client import ApiError, ConnectionProblemError, KubeClient, NotLeadingError, Patience, connect
from headgate.cluster.projection import Projection
from headgate.cluster.resources import DEPLOYMENTS, EVENTS, SERVICES, collection_at, resource_of
from headgate.cluster.watching import Lists, open_session
from headgate.release.decision import Ref
from tests.unit.cluster.manifests import canary_release, deployment, service

SHOP = Ref("apps/v1", "Deployment", "prod", "shop")
PATH = "/apis/apps/v1/namespaces/prod/deployments/shop"
PATIENCE = Patience(timeout=30.0, attempts=4)

Reply = web.Response | Callable[[], Awaitable[web.Response]]


@dataclass
class Script:
    """A server that answers with the given replies in turn, the last one again and again, and notes the requests."""

    replies: list[Reply] = field(default_factory=list)
    requests: list[web.Request] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        self.bodies.append(await request.json() if request.can_read_body else None)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if callable(reply):
            return await reply()
        return web.Response(body=reply.body, status=reply.status, headers=dict(reply.headers))


def ok(value: Any) -> web.Response:
    return web.json_response(value)


def refused(status: int, message: str = "", *, retry_after: str = "", **fields: Any) -> web.Response:
    headers = {"Retry-After": retry_after} if retry_after else {}
    return web.json_response({"kind": "Status", "message": message, **fields}, status=status, headers=headers)


async def hang() -> web.Response:
    await asyncio.sleep(3600)
    return web.Response()


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Pauses between attempts take no time; what they would have been is noted."""
    pauses: list[float] = []
    sleep = asyncio.sleep

    async def note(seconds: float) -> None:
        if seconds < 3600:
            pauses.append(seconds)
            seconds = 0
        await sleep(seconds)

    monkeypatch.setattr("headgate.cluster.client.asyncio.sleep", note)
    return pauses


def kubeconfig(folder: Path, url: str) -> str:
    path = folder / "kubeconfig"
    path.write_text(
        json.dumps(
            {
                "current-context": "c",
                "clusters": [{"name": "c", "cluster": {"server": url}}],
                "users": [{"name": "u", "user": {"token": "secret-token"}}],
                "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            }
        )
    )
    return str(path)


@pytest.fixture
async def client(script: Script, tmp_path: Path) -> AsyncIterator[KubeClient]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", script.serve)
    async with TestServer(app) as server:
        api = await connect(kubeconfig(tmp_path, str(server.make_url("/")).rstrip("/")))
        yield KubeClient(api, patience=PATIENCE)
        await api.close()


async def test_a_request_bears_the_token_and_our_own_user_agent(client: KubeClient, script: Script) -> None:
    script.replies = [ok(deployment())]
    found = await client.get(SHOP)
    assert found["kind"] == "Deployment"
    assert script.requests[0].path == PATH
    assert script.requests[0].headers["Authorization"] == "Bearer secret-token"
    assert script.requests[0].headers["User-Agent"] == "headgate/0.1.0"


async def test_apply_is_server_side_under_our_field_manager(client: KubeClient, script: Script) -> None:
    script.replies = [ok(service())]
    await client.apply(service("shop-canary"), force=False)
    request = script.requests[0]
    assert (request.method, request.path) == ("PATCH", "/api/v1/namespaces/prod/services/shop-canary")
    assert request.query == {"fieldManager": "headgate", "force": "false"}
    assert request.content_type == "application/apply-patch+yaml"
    assert script.bodies[0] == service("shop-canary", int(script.bodies[0]["metadata"]["resourceVersion"]))


async def test_a_status_is_written_through_its_subresource(client: KubeClient, script: Script) -> None:
    script.replies = [ok(canary_release())]
    await client.apply(canary_release(), subresource="status")
    assert script.requests[0].path == "/apis/headgate.dev/v1alpha1/namespaces/prod/canaryreleases/shop/status"


@pytest.mark.parametrize(
    ("send", "content_type", "body"),
    [
        (
            lambda client: client.merge_patch(SHOP, {"spec": {"paused": True}}),
            "merge-patch",
            {"spec": {"paused": True}},
        ),
        (
            lambda client: client.json_patch(SHOP, [{"op": "remove", "path": "/x"}]),
            "json-patch",
            [{"op": "remove", "path": "/x"}],
        ),
    ],
    ids=["merge", "json"],
)
async def test_patches_say_which_form_they_have(
    client: KubeClient,
    script: Script,
    send: Callable[[KubeClient], Any],
    content_type: str,
    body: Any,
) -> None:
    script.replies = [ok(deployment())]
    await send(client)
    assert script.requests[0].content_type == f"application/{content_type}+json"
    assert script.requests[0].query == {"fieldManager": "headgate"}
    assert script.bodies == [body]


async def test_a_deletion_names_the_very_object(client: KubeClient, script: Script) -> None:
    script.replies = [ok({"kind": "Status", "status": "Success"})]
    await client.delete(SHOP, uid="abc")
    assert script.bodies == [{"propagationPolicy": "Background", "preconditions": {"uid": "abc"}}]


async def test_a_list_is_read_page_by_page_and_its_items_know_their_kind(client: KubeClient, script: Script) -> None:
    script.replies = [
        ok({"items": [{"metadata": {"name": "a"}}], "metadata": {"continue": "next"}}),
        ok({"items": [{"metadata": {"name": "b"}}], "metadata": {}}),
    ]
    items = await client.list_all(DEPLOYMENTS, "prod", limit=1)
    assert [(item["kind"], item["apiVersion"], item["metadata"]["name"]) for item in items] == [
        ("Deployment", "apps/v1", "a"),
        ("Deployment", "apps/v1", "b"),
    ]
    assert [request.query.get("continue") for request in script.requests] == [None, "next"]
    assert {request.query["limit"] for request in script.requests} == {"1"}


async def test_a_list_by_label_is_one_page(client: KubeClient, script: Script) -> None:
    script.replies = [ok({"items": [], "metadata": {}})]
    await client.list_all(DEPLOYMENTS, "prod", labels="app=shop")
    assert script.requests[0].query == {"labelSelector": "app=shop"}


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
async def test_what_passes_is_tried_again(client: KubeClient, script: Script, status: int) -> None:
    script.replies = [refused(status), refused(status), ok(deployment())]
    await client.merge_patch(SHOP, {})
    assert len(script.requests) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 413, 422])
async def test_what_does_not_pass_is_not_tried_again(client: KubeClient, script: Script, status: int) -> None:
    script.replies = [refused(status, "no", reason="Because")]
    with pytest.raises(ApiError) as caught:
        await client.merge_patch(SHOP, {})
    assert (caught.value.status, caught.value.reason, len(script.requests)) == (status, "Because", 1)


async def test_attempts_are_bounded(client: KubeClient, script: Script, no_pauses: list[float]) -> None:
    script.replies = [refused(503, "etcd is away")]
    with pytest.raises(ApiError, match="get Deployment prod/shop failed: etcd is away") as caught:
        await client.get(SHOP)
    assert (len(script.requests), len(no_pauses), caught.value.passing) == (4, 3, True)
    assert no_pauses == sorted(no_pauses) or max(no_pauses) < 1.5


async def test_the_servers_retry_after_is_obeyed(client: KubeClient, script: Script, no_pauses: list[float]) -> None:
    script.replies = [refused(429, retry_after="7"), ok(deployment())]
    await client.get(SHOP)
    assert no_pauses == [7.0]


async def test_a_retry_after_longer_than_a_tick_may_wait_is_left_to_the_next_tick(
    client: KubeClient, script: Script
) -> None:
    script.replies = [refused(429, "slow down", retry_after="3600")]
    with pytest.raises(ApiError, match="slow down"):
        await client.get(SHOP)
    assert len(script.requests) == 1


async def test_a_hanging_server_costs_the_timeout_for_each_attempt_and_no_more(
    client: KubeClient, script: Script
) -> None:
    impatient = KubeClient(client._api, patience=Patience(timeout=0.5, attempts=4))  # noqa: SLF001
    script.replies = [hang]
    with pytest.raises(ApiError, match=r"did not answer: no answer within 0\.5 s") as caught:
        await impatient.get(SHOP)
    assert len(script.requests) == 4
    assert (caught.value.status, caught.value.passing) == (0, True)


async def test_a_create_is_repeated_only_where_the_server_cannot_have_seen_it(
    client: KubeClient, script: Script
) -> None:
    """Else one event would become two, or a Job would run twice."""
    event = {"apiVersion": EVENTS.api_version, "kind": "Event", "metadata": {"namespace": "prod", "name": "e"}}
    script.replies = [refused(429), ok(event)]
    await client.create(event)
    assert len(script.requests) == 2
    script.replies = [refused(500), ok(event)]
    with pytest.raises(ApiError):
        await client.create(event)
    assert len(script.requests) == 3


async def test_a_refused_connection_is_one_sentence_that_says_where(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    api = await connect(kubeconfig(tmp_path, url))
    with pytest.raises(
        ApiError, match=f"get Deployment prod/shop failed: the API server at {url} did not answer: "
    ) as caught:
        await KubeClient(api, patience=PATIENCE).get(SHOP)
    assert caught.value.executed is False
    assert "secret-token" not in str(caught.value)
    await api.close()


async def test_a_missing_right_says_which_one_and_what_to_do(client: KubeClient, script: Script) -> None:
    script.replies = [
        refused(
            403,
            'deployments.apps "shop" is forbidden: User "headgate" cannot patch resource "deployments"'
            ' in API group "apps" in the namespace "prod"',
            reason="Forbidden",
        )
    ]
    with pytest.raises(ApiError) as caught:
        await client.merge_patch(SHOP, {})
    assert str(caught.value) == (
        "Headgate may not patch deployments.apps in namespace prod:"
        " give its ServiceAccount this right (Role or ClusterRole of the chart)"
    )


async def test_a_refusal_by_an_admission_webhook_is_told_in_its_own_words(client: KubeClient, script: Script) -> None:
    script.replies = [refused(403, 'admission webhook "policy" denied the request: no', reason="Forbidden")]
    with pytest.raises(ApiError, match='patch Deployment prod/shop failed: admission webhook "policy" denied'):
        await client.merge_patch(SHOP, {})


async def test_a_patch_that_does_not_fit_is_told_apart_from_an_object_that_would_be_invalid(
    client: KubeClient, script: Script
) -> None:
    script.replies = [
        refused(422, "the server rejected our request due to an error in our request", reason="Invalid", details={}),
        refused(
            422, "spec.replicas: Invalid value: -1", reason="Invalid", details={"causes": [{"field": "spec.replicas"}]}
        ),
    ]
    reasons = []
    for _ in range(2):
        with pytest.raises(ApiError) as caught:
            await client.json_patch(SHOP, [])
        reasons.append(caught.value.reason)
    assert reasons == ["PatchFailed", "Invalid"]


async def test_a_proxys_error_page_is_no_riddle(client: KubeClient, script: Script) -> None:
    script.replies = [web.Response(text="<html>Bad gateway</html>", status=404)]
    with pytest.raises(ApiError, match="get Deployment prod/shop failed: <html>Bad gateway</html>"):
        await client.get(SHOP)


async def test_no_write_leaves_a_process_that_does_not_lead(script: Script, client: KubeClient) -> None:
    script.replies = [ok(deployment())]
    standby = KubeClient(client._api, may_write=lambda: False)  # noqa: SLF001 (the connection of the fixture)
    assert (await standby.get(SHOP))["kind"] == "Deployment"
    with pytest.raises(NotLeadingError, match="patch Deployment prod/shop was not sent"):
        await standby.merge_patch(SHOP, {})
    assert [request.method for request in script.requests] == ["GET"]


async def test_leading_is_asked_before_each_attempt(script: Script, client: KubeClient) -> None:
    """A write must not be repeated by a process that lost the lease while it waited."""
    leads = iter([True, False])
    script.replies = [refused(503)]
    deposed = KubeClient(client._api, patience=PATIENCE, may_write=lambda: next(leads))  # noqa: SLF001
    with pytest.raises(NotLeadingError):
        await deposed.merge_patch(SHOP, {})
    assert len(script.requests) == 1


async def test_credentials_that_cannot_be_had_are_an_error_like_no_answer(
    script: Script, client: KubeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a token file is empty for a moment, or a login program fails, neither lease nor events may end for it."""

    def fail(_: object) -> None:
        raise ConfigException("Token file exists but empty.")

    script.replies = [ok({"items": []})]
    monkeypatch.setattr(client._api.configuration, "refresh_api_key_hook", fail)  # noqa: SLF001 (as a cluster has it)
    with pytest.raises(ApiError, match=r"list all services failed: .*Token file exists but empty") as caught:
        await client.list_all(SERVICES)
    assert caught.value.passing
    assert script.requests == []


async def test_every_attempt_is_counted(script: Script, client: KubeClient) -> None:
    counted: list[tuple[str, str, int]] = []
    script.replies = [refused(500), ok({"items": []})]
    counting = KubeClient(client._api, patience=PATIENCE, count=lambda *what: counted.append(what))  # noqa: SLF001
    await counting.list_all(SERVICES)
    assert counted == [("list", "services", 500), ("list", "services", 200)]


async def test_without_a_cluster_the_error_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(
        ConnectionProblemError, match=r"no API server: not in a cluster \(set KUBECONFIG or --kubeconfig\)"
    ):
        await connect()


def lead_to(server: BaseTestServer, configuration: Any) -> None:
    """Have the configuration, which in a cluster is read again before each request, name the test's server."""
    read_again = configuration.refresh_api_key_hook

    def renew(configuration: Any) -> None:
        read_again(configuration)
        configuration.host = str(server.make_url("/")).rstrip("/")
        configuration.refresh_api_key_hook = renew

    renew(configuration)


async def test_in_a_cluster_the_token_is_read_again_when_it_was_rotated(
    script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the client and by kopf's session alike; kubelet writes a new one every hour."""
    token, authority = tmp_path / "token", tmp_path / "ca.crt"
    token.write_text("first")
    authority.write_text(certifi.contents())
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(token))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(authority))
    monkeypatch.setattr(incluster_config.datetime, "timedelta", lambda **_: timedelta(0))
    script.replies = [ok({"items": []})]
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", script.serve)
    async with TestServer(app) as server:
        api = await connect()
        assert api.configuration.host == "https://10.96.0.1:443"
        lead_to(server, api.configuration)
        session = open_session(api, Lists(Projection(lambda _: None), (), ()), lambda *_: None)
        for content in ("first", "second"):
            token.write_text(content)
            await KubeClient(api).list_all(SERVICES)
            async with session.get(server.make_url("/apis")):
                pass
        await session.close()
        await api.close()
    sent = [request.headers["Authorization"] for request in script.requests]
    assert sent == ["bearer first", "bearer first", "bearer second", "bearer second"]


async def test_a_kubeconfig_that_is_not_there_is_named() -> None:
    with pytest.raises(ConnectionProblemError, match="no API server: kubeconfig /nowhere/config"):
        await connect("/nowhere/config")


_NO_CERTIFICATE = """
current-context: c
clusters: [{name: c, cluster: {server: "https://127.0.0.1:1", certificate-authority-data: "bm9uZQ=="}}]
users: [{name: u, user: {token: x}}]
contexts: [{name: c, context: {cluster: c, user: u}}]
"""


@pytest.mark.parametrize("text", ["", "text", "a: [b", "clusters: 5", _NO_CERTIFICATE])
async def test_a_file_that_is_no_kubeconfig_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(text)
    with pytest.raises(ConnectionProblemError, match=f"^no API server: kubeconfig {path}: ") as caught:
        await connect(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("path", "plural", "namespace"),
    [
        ("/api/v1/services", "services", ""),
        ("/api/v1/namespaces/prod/services", "services", "prod"),
        ("/apis/apps/v1/deployments", "deployments", ""),
        ("/apis/apps/v1/namespaces/prod/deployments", "deployments", "prod"),
    ],
)
def test_a_collection_is_known_by_its_path(path: str, plural: str, namespace: str) -> None:
    found = collection_at(path)
    assert found is not None
    assert (found[0].plural, found[1]) == (plural, namespace)
    assert found[0].path(namespace) == path


@pytest.mark.parametrize("path", ["/api", "/apis", "/api/v1", "/apis/apps/v1", PATH, "/api/v1/pods", f"{PATH}/status"])
def test_other_paths_are_no_collections_of_ours(path: str) -> None:
    assert collection_at(path) is None


def test_every_kind_a_decision_can_name_has_a_path() -> None:
    assert resource_of(SHOP).path("prod", "shop") == PATH
    with pytest.raises(KeyError):
        resource_of(Ref("v1", "Pod", "prod", "x"))


async def test_a_connection_has_a_buffer_of_one_tls_record(tmp_path: Path) -> None:
    """By itself asyncio takes 256 KiB for each watch of each namespace."""
    await (await connect(kubeconfig(tmp_path, "http://127.0.0.1:1"))).close()
    loop, context = asyncio.get_running_loop(), ssl.create_default_context()
    connection = SSLProtocol(loop, asyncio.Protocol(), context, loop.create_future())
    connection._app_transport._closed = True  # noqa: SLF001 (it was never open)
    assert len(connection.get_buffer(-1)) == 16 * 1024
