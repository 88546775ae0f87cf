"""An API server in memory: enough of it for what the shell relies on, with faults on demand.

What it claims about a real one (versions, conflicts, force, failed patches) is checked in tests/cluster/shell.
"""

import asyncio
import copy
import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import jsonpatch

from headgate.api.fields import Manifest
from headgate.cluster.client import Call, KubeClient, Patience
from headgate.cluster.resources import collection_at

Answer = tuple[int, dict[str, str], Manifest]
NOTHING: dict[str, str] = {}


@dataclass(frozen=True)
class Request:
    """One request as the server gets it."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    body: Any = None
    caller: str = ""

    @property
    def short(self) -> str:
        """`PATCH deployments/shop`."""
        return f"{self.method} {'/'.join(self.path.split('/namespaces/')[-1].split('/')[1:])}"


def refusal(status: int, reason: str, message: str, **details: object) -> Answer:
    return status, NOTHING, {"kind": "Status", "reason": reason, "message": message, "details": details}


@dataclass
class MemoryApi:
    """The server. `fault` may answer a request in its place, raise in its place, or return None to let it through."""

    objects: dict[str, Manifest] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    fault: Callable[[Request], Answer | None] = lambda _: None
    fault_after: Callable[[Request], None] = lambda _: None
    """Raises after a request was carried out: the answer is lost on its way."""
    latency: float = 0.0
    delay: Callable[[Request], float] = lambda _: 0.0
    """Seconds of latency of one request, on top of `latency`."""
    versions: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    async def serve(self, request: Request) -> Answer:
        self.requests.append(request)
        if (delay := self.latency + self.delay(request)) > 0:
            await asyncio.sleep(delay)
        answer = self.fault(request) or self._answer(request)
        self.fault_after(request)
        return answer

    @property
    def shorts(self) -> list[str]:
        return [request.short for request in self.requests]

    def add(self, manifest: Manifest) -> Manifest:
        """Put an object there, as if someone had created it."""
        added = copy.deepcopy(manifest)
        added["metadata"].setdefault("uid", f"uid-{next(self.versions)}")
        path = self._path_of(added)
        self.objects[path] = self._stamped(added)
        return copy.deepcopy(added)

    def change(self, path: str, **fields: object) -> Manifest:
        """Change top-level fields of an object, as if someone else had."""
        changed = self.objects[path] = self._stamped({**self.objects[path], **fields})
        return copy.deepcopy(changed)

    def _path_of(self, manifest: Manifest) -> str:
        group, metadata = manifest["apiVersion"], manifest["metadata"]
        root = f"/apis/{group}" if "/" in group else f"/api/{group}"
        plural = {"Ingress": "ingresses"}.get(manifest["kind"], manifest["kind"].lower() + "s")
        return f"{root}/namespaces/{metadata['namespace']}/{plural}/{metadata['name']}"

    def _stamped(self, manifest: Manifest) -> Manifest:
        manifest["metadata"]["resourceVersion"] = str(next(self.versions))
        return manifest

    def _answer(self, request: Request) -> Answer:
        if collection_at(request.path):
            return self._on_collection(request)
        path = request.path.removesuffix("/status")
        found = self.objects.get(path)
        if found is None and not (
            request.method == "PATCH" and "apply" in request.content_type and not _is_status(request)
        ):
            return refusal(404, "NotFound", f"{path.rsplit('/', 1)[-1]} not found")
        match request.method:
            case "GET":
                return 200, NOTHING, copy.deepcopy(found or {})
            case "DELETE":
                return self._delete(path, request)
            case "PUT":
                return self._put(path, request.body)
            case _:
                return self._patch(path, request, found)

    def _on_collection(self, request: Request) -> Answer:
        if request.method == "POST":
            path = self._path_of(request.body)
            if path in self.objects:
                return refusal(409, "AlreadyExists", f"{path} already exists")
            return 201, NOTHING, self.add(request.body)
        key, _, value = request.query.get("labelSelector", "").partition("=")
        items = [
            copy.deepcopy(item)
            for path, item in self.objects.items()
            if path.rpartition("/")[0] == request.path
            and (not key or (item["metadata"].get("labels") or {}).get(key, "") == value)
        ]
        return 200, NOTHING, {"items": items, "metadata": {"resourceVersion": str(next(self.versions))}}

    def _delete(self, path: str, request: Request) -> Answer:
        wanted = ((request.body or {}).get("preconditions") or {}).get("uid")
        if wanted and wanted != self.objects[path]["metadata"]["uid"]:
            return refusal(409, "Conflict", "the UID in the precondition does not match")
        if self.objects[path]["metadata"].get("finalizers"):
            self.objects[path]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
            return 200, NOTHING, copy.deepcopy(self._stamped(self.objects[path]))
        del self.objects[path]
        return 200, NOTHING, {"kind": "Status", "status": "Success"}

    def _put(self, path: str, body: Manifest) -> Answer:
        if body["metadata"]["resourceVersion"] != self.objects[path]["metadata"]["resourceVersion"]:
            return refusal(409, "Conflict", "the object has been modified")
        self.objects[path] = self._stamped(copy.deepcopy(body))
        return 200, NOTHING, copy.deepcopy(self.objects[path])

    def _patch(self, path: str, request: Request, found: Manifest | None) -> Answer:
        if "apply" in request.content_type:
            return self._apply(path, request, found)
        assert found is not None
        try:
            changed = (
                jsonpatch.apply_patch(found, request.body)
                if "json-patch" in request.content_type
                else _merged(found, request.body)
            )
        except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException):
            return refusal(422, "Invalid", "the server rejected our request due to an error in our request")
        self.objects[path] = self._stamped(changed)
        return 200, NOTHING, copy.deepcopy(changed)

    def _apply(self, path: str, request: Request, found: Manifest | None) -> Answer:
        version = request.body["metadata"].get("resourceVersion")
        if found is None:
            self.add({**request.body, "managedBy": "headgate"})
            return 201, NOTHING, copy.deepcopy(self.objects[path])
        if version and version != found["metadata"]["resourceVersion"]:
            return refusal(409, "Conflict", "the object has been modified")
        if request.query.get("force") == "false" and found.get("managedBy") != "headgate":
            return refusal(409, "Conflict", 'Apply failed with 1 conflict: conflict with "kubectl": .spec.selector')
        body = {key: value for key, value in request.body.items() if key != "metadata" or not _is_status(request)}
        self.objects[path] = self._stamped(_merged(found, copy.deepcopy(body)))
        return 200, NOTHING, copy.deepcopy(self.objects[path])


ONCE = Patience(timeout=10.0, attempts=1)


class MemoryClient(KubeClient):
    """The real client, with the server in memory behind it."""

    def __init__(
        self,
        server: MemoryApi,
        patience: Patience = ONCE,
        may_write: Callable[[], bool] = lambda: True,
        caller: str = "",
    ) -> None:
        api = SimpleNamespace(configuration=SimpleNamespace(host="https://memory"))
        super().__init__(api, patience=patience, may_write=may_write)
        self._server = server
        self._caller = caller

    async def _exchange(self, call: Call) -> tuple[int, Mapping[str, str], bytes]:
        request = Request(
            call.method, call.path, dict(call.query), call.content_type, copy.deepcopy(call.body), self._caller
        )
        async with asyncio.timeout(self._patience.timeout):
            status, headers, body = await self._server.serve(request)
        return status, headers, json.dumps(body).encode()


def _is_status(request: Request) -> bool:
    return request.path.endswith("/status")


def _merged(target: Any, patch: Any) -> Any:
    """RFC 7386; a status is replaced whole, as server-side apply does with what is no longer applied."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = value if key == "status" else _merged(result.get(key), value)
    return result
