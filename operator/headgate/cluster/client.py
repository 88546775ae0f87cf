"""The Kubernetes API as a few verbs: dictionaries in, dictionaries out, errors as one sentence.

The transport is one `ApiClient` of kubernetes.aio, used at its low level: the typed API classes would cost 30 MiB.
Calls that may be repeated are repeated on 429, 5xx and lost connections, with jitter and the server's Retry-After;
a create is repeated only where the server cannot have seen it.
"""

import asyncio
import json
import os
import random
import re
from asyncio.sslproto import SSLProtocol
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import aiohttp
import yaml
from kubernetes.aio import config
from kubernetes.aio.client import ApiClient, Configuration

from headgate import __version__
from headgate.api.fields import Manifest
from headgate.api.names import FIELD_MANAGER
from headgate.cluster.resources import Resource, resource_of
from headgate.release.decision import Ref

_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"
_JSON_PATCH = "application/json-patch+json"
_PAGE = 500
_CONNECT_TIMEOUT = 3.0
_FIRST_DELAY = 0.2
_LONGEST_DELAY = 10.0
_TLS_RECORD = 16 * 1024
_MISSING_RIGHT = re.compile(
    r'cannot (?P<verb>\w+) resource "(?P<resource>[^"]+)" in API group "(?P<group>[^"]*)"'
    r'(?: in the namespace "(?P<namespace>[^"]+)"| at the cluster scope)'
)


class ApiError(Exception):
    """A request that failed; its text is one sentence.

    `status` is the HTTP status, 0 where no answer came; `reason` is Kubernetes' word for it, such as `Conflict`.
    `executed` is False where the server certainly did nothing.
    """

    def __init__(
        self, status: int, reason: str, message: str, *, executed: bool = True, retry_after: float = 0.0
    ) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message
        self.executed = executed
        self.retry_after = retry_after

    @property
    def passing(self) -> bool:
        """Whether the same request may well succeed later."""
        return self.status in {0, 408, 409, 429} or self.status >= 500


class NotLeadingError(Exception):
    """A write was stopped because this process does not hold the lease."""


class ConnectionProblemError(Exception):
    """The configuration names no API server that can be talked to; the text is one sentence."""


@dataclass(frozen=True)
class Patience:
    """How long one attempt may take, in seconds, and how many attempts there are."""

    timeout: float = 10.0
    attempts: int = 4


@dataclass(frozen=True)
class Call:
    """One request, before it is sent."""

    verb: str
    method: str
    path: str
    resource: Resource
    about: str
    body: Any = None
    content_type: str = "application/json"
    query: tuple[tuple[str, str], ...] = ()
    repeatable: bool = True


Counter = Callable[[str, str, int], None]
"""Told of every request: verb, plural of the resource, HTTP status (0 without an answer)."""


def _ignore(verb: str, resource: str, status: int) -> None:
    """Count nothing."""


async def connect(kubeconfig: str | None = None, context: str | None = None) -> ApiClient:
    """The transport: from a kubeconfig file where one is named (or in KUBECONFIG), else from inside the cluster.

    In a cluster the ServiceAccount's token is read again every minute. Raises ConnectionProblemError.
    """
    # asyncio's own 256 KiB are a buffer of each connection, of which there is one for each watch and each worker; no
    # read gives more than a record (CPython, Lib/asyncio/sslproto.py).
    SSLProtocol.max_size = _TLS_RECORD
    configuration = Configuration()
    configuration.client_session_kwargs = {"trust_env": False}
    path = kubeconfig or os.environ.get("KUBECONFIG")
    where = f"kubeconfig {path}" if path else "not in a cluster (set KUBECONFIG or --kubeconfig)"
    try:
        if path:
            await config.load_kube_config(config_file=path, context=context, client_configuration=configuration)
        else:
            config.load_incluster_config(client_configuration=configuration)
        api = ApiClient(configuration)
    except (config.ConfigException, OSError) as error:
        raise ConnectionProblemError(f"no API server: {where}: {error}") from error
    except (yaml.YAMLError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise ConnectionProblemError(f"no API server: {where}: it cannot be read as one") from error
    api.user_agent = user_agent()
    return api


def user_agent() -> str:
    """How Headgate's requests are known to the API server."""
    return f"headgate/{__version__}"


class KubeClient:
    """Verbs over paths. `may_write` is asked before every request that changes something."""

    def __init__(
        self,
        api: ApiClient,
        *,
        patience: Patience = Patience(),
        may_write: Callable[[], bool] = lambda: True,
        count: Counter = _ignore,
    ) -> None:
        self._api = api
        self._patience = patience
        self._may_write = may_write
        self._count = count

    async def get(self, ref: Ref) -> Manifest:
        """One object. Raises ApiError, 404 where it is gone."""
        return await self._send(_call("get", "GET", ref))

    async def list_all(
        self, resource: Resource, namespace: str = "", *, labels: str = "", limit: int = _PAGE
    ) -> list[Manifest]:
        """All objects of a collection, page by page, each with its kind and API version.

        With `labels` it is one page: few objects, which the API server then takes from its cache.
        """
        query = {"labelSelector": labels} if labels else {"limit": str(limit)}
        items: list[Manifest] = []
        while True:
            page = await self._send(_collection_call("list", "GET", resource, namespace, query))
            items += page.get("items") or []
            token = (page.get("metadata") or {}).get("continue")
            if not token:
                return [{"apiVersion": resource.api_version, "kind": resource.kind, **item} for item in items]
            query["continue"] = token

    async def probe(self, resource: Resource, namespace: str = "") -> None:
        """Raises ApiError where the collection cannot be listed: 404 where the kind is not known."""
        await self._send(_collection_call("list", "GET", resource, namespace, {"limit": "1"}))

    async def create(self, manifest: Manifest) -> Manifest:
        """A new object; 409 AlreadyExists where there is one."""
        ref = ref_of(manifest)
        call = _collection_call("create", "POST", resource_of(ref), ref.namespace, {"fieldManager": FIELD_MANAGER})
        return await self._send(replace(call, about=_about(ref), body=manifest, repeatable=False))

    async def apply(self, manifest: Manifest, *, force: bool = True, subresource: str = "") -> Manifest:
        """Server-side apply under our field manager.

        A `metadata.resourceVersion` in the manifest makes it conditional (409). Without `force`, a field that someone
        else owns with another value is a 409 too.
        """
        query = (("fieldManager", FIELD_MANAGER), ("force", str(force).lower()))
        call = _call("apply", "PATCH", ref_of(manifest), subresource)
        return await self._send(replace(call, body=manifest, content_type=_APPLY, query=query))

    async def merge_patch(self, ref: Ref, patch: Manifest, *, subresource: str = "") -> Manifest:
        """A JSON merge patch (RFC 7386)."""
        query = (("fieldManager", FIELD_MANAGER),)
        call = _call("patch", "PATCH", ref, subresource)
        return await self._send(replace(call, body=patch, content_type=_MERGE, query=query))

    async def json_patch(self, ref: Ref, patch: list[Manifest], *, subresource: str = "") -> Manifest:
        """A JSON patch (RFC 6902). One that does not fit the object is a 422 with reason `PatchFailed`."""
        query = (("fieldManager", FIELD_MANAGER),)
        call = _call("patch", "PATCH", ref, subresource)
        return await self._send(replace(call, body=patch, content_type=_JSON_PATCH, query=query))

    async def replace(self, manifest: Manifest) -> Manifest:
        """The whole object put in place of the one with the same resourceVersion (409 for any other)."""
        call = _call("update", "PUT", ref_of(manifest))
        return await self._send(replace(call, body=manifest, query=(("fieldManager", FIELD_MANAGER),)))

    async def delete(self, ref: Ref, *, uid: str = "") -> Manifest:
        """Deletion in the background; with `uid` only of that very object (409 for a namesake).

        Returns the object where it lingers (finalizers), a Status where it is gone at once.
        """
        body: Manifest = {"propagationPolicy": "Background"}
        if uid:
            body["preconditions"] = {"uid": uid}
        return await self._send(replace(_call("delete", "DELETE", ref), body=body))

    async def _send(self, call: Call) -> Manifest:
        for attempt in range(1, self._patience.attempts + 1):
            if call.method != "GET" and not self._may_write():
                raise NotLeadingError(f"{call.verb} {call.about} was not sent: another instance leads")
            try:
                return await self._attempt(call)
            except ApiError as error:
                delay = _delay_before_next(call, error, attempt)
                if delay is None or attempt == self._patience.attempts:
                    raise
            await asyncio.sleep(delay)
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _attempt(self, call: Call) -> Manifest:
        try:
            status, headers, body = await self._exchange(call)
        except (aiohttp.ClientError, TimeoutError, OSError, config.ConfigException) as error:
            self._count(call.verb, call.resource.plural, 0)
            raise _no_answer(call, self._api.configuration.host, self._patience, error) from error
        self._count(call.verb, call.resource.plural, status)
        answer = _decoded(body)
        if status >= 300:
            raise _refusal(call, status, answer, headers)
        return answer

    async def _exchange(self, call: Call) -> tuple[int, Mapping[str, str], bytes]:
        method, url, headers, body, _ = await self._api.param_serialize(
            call.method,
            call.path,
            query_params=list(call.query),
            header_params={"Accept": "application/json", "Content-Type": call.content_type},
            body=call.body,
            auth_settings=["BearerToken"],
        )
        timeout = aiohttp.ClientTimeout(total=self._patience.timeout, sock_connect=_CONNECT_TIMEOUT)
        response = await self._api.call_api(method, url, headers, body, _request_timeout=timeout)
        return response.status, response.headers, await response.read()


def ref_of(manifest: Manifest) -> Ref:
    """Which object a manifest is."""
    metadata = manifest["metadata"]
    return Ref(manifest["apiVersion"], manifest["kind"], metadata.get("namespace", ""), metadata["name"])


def _about(ref: Ref) -> str:
    return f"{ref.kind} {ref.namespace}/{ref.name}" if ref.namespace else f"{ref.kind} {ref.name}"


def _call(verb: str, method: str, ref: Ref, subresource: str = "") -> Call:
    resource = resource_of(ref)
    path = resource.path(ref.namespace, ref.name, subresource)
    return Call(verb, method, path, resource, f"{subresource} of {_about(ref)}" if subresource else _about(ref))


def _collection_call(verb: str, method: str, resource: Resource, namespace: str, query: Mapping[str, str]) -> Call:
    about = f"{resource.plural} in {namespace}" if namespace else f"all {resource.plural}"
    return Call(verb, method, resource.path(namespace), resource, about, query=tuple(query.items()))


def _delay_before_next(call: Call, error: ApiError, attempt: int) -> float | None:
    """Seconds to wait before the call is repeated; None where it must not be."""
    repeated_safely = not error.executed or (call.repeatable and (error.status == 0 or error.status >= 500))
    if not repeated_safely or error.retry_after > _LONGEST_DELAY:
        return None
    backoff = _FIRST_DELAY * 2.0 ** (attempt - 1) * random.uniform(0.5, 1.5)  # noqa: S311 (jitter, no secret)
    return max(backoff, error.retry_after)


def _decoded(body: bytes) -> Manifest:
    """The JSON object of an answer; a proxy's error page is its `message`."""
    try:
        value = json.loads(body)
    except ValueError:
        value = None
    return value if isinstance(value, dict) else {"message": body[:200].decode(errors="replace").strip()}


def _no_answer(call: Call, host: str, patience: Patience, error: BaseException) -> ApiError:
    why = f"no answer within {patience.timeout:g} s" if isinstance(error, TimeoutError) else str(error)
    message = f"{call.verb} {call.about} failed: the API server at {host} did not answer: {why or type(error).__name__}"
    return ApiError(0, "Unreachable", message, executed=not isinstance(error, aiohttp.ClientConnectorError))


def _refusal(call: Call, status: int, answer: Manifest, headers: Mapping[str, str]) -> ApiError:
    """The error of an answer that is not a success."""
    said = str(answer.get("message") or "no message")
    reason = str(answer.get("reason") or f"HTTP{status}")
    if status == 422 and call.content_type == _JSON_PATCH and not (answer.get("details") or {}).get("causes"):
        reason, said = "PatchFailed", "the object is not as the patch expects it"
    right = _MISSING_RIGHT.search(said) if status == 403 else None
    message = _right_wanted(right) if right else f"{call.verb} {call.about} failed: {said}"
    return ApiError(status, reason, message, executed=status != 429, retry_after=_retry_after(headers))


def _right_wanted(right: re.Match[str]) -> str:
    group = f".{right['group']}" if right["group"] else ""
    where = f"in namespace {right['namespace']}" if right["namespace"] else "in the whole cluster"
    return (
        f"Headgate may not {right['verb']} {right['resource']}{group} {where}:"
        f" give its ServiceAccount this right (Role or ClusterRole of the chart)"
    )


def _retry_after(headers: Mapping[str, str]) -> float:
    """Seconds of the Retry-After header; 0 where there is none or it is a date."""
    try:
        return float(headers.get("Retry-After", "0"))
    except ValueError:
        return 0.0
