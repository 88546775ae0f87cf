"""An API server in a few lines: objects as manifests, patches, generations, and a hook on every write."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import jsonpatch
import jsonpointer

Manifest = dict[str, Any]
Key = tuple[str, str]


class ConflictError(Exception):
    """409: the object is not the one that was meant."""


class ApiServer:
    """Objects of one namespace by (kind, name). `admit` sees each write before it is stored, as admission does."""

    def __init__(self) -> None:
        self.objects: dict[Key, Manifest] = {}
        self.admit: Callable[[Manifest | None, Manifest, str], None] = lambda *_: None
        self.version = 0

    def get(self, kind: str, name: str) -> Manifest | None:
        return self.objects.get((kind, name))

    def every(self, kind: str) -> Iterator[Manifest]:
        return (item for (found, _), item in self.objects.items() if found == kind)

    def apply(self, manifest: Manifest, writer: str) -> None:
        """Server-side apply, reduced to what matters here: what the manifest names is set, the rest stays."""
        key = manifest["kind"], manifest["metadata"]["name"]
        old = self.objects.get(key)
        new = _merged(copy.deepcopy(old), manifest) if old else copy.deepcopy(manifest)
        if old and manifest["kind"] == "Service":
            new["spec"]["selector"] = copy.deepcopy(manifest["spec"]["selector"])  # an atomic map
        self._store(key, old, new, writer)

    def merge(self, kind: str, name: str, body: Manifest, writer: str, subresource: str = "") -> None:
        """A merge patch (RFC 7396). A resourceVersion in it must be the present one."""
        old = self.objects.get((kind, name))
        if old is None:
            return
        wanted = body.get("metadata", {}).get("resourceVersion")
        if wanted is not None and wanted != old["metadata"]["resourceVersion"]:
            raise ConflictError(f"{kind} {name} was written in between")
        new = _merged(copy.deepcopy(old), body)
        if subresource == "status":
            new = {**copy.deepcopy(old), "status": body["status"]}
        self._store((kind, name), old, new, writer)

    def json(self, kind: str, name: str, body: list[dict[str, Any]], writer: str) -> None:
        """A JSON patch (RFC 6902); one whose test fails changes nothing."""
        old = self.objects.get((kind, name))
        if old is None:
            return
        # As the API server's library has it, a test for null passes where there is nothing.
        if any(step["op"] == "test" and step["value"] is None and _found(old, step["path"]) for step in body):
            return
        body = [step for step in body if step.get("value", "") is not None]
        try:
            new = jsonpatch.apply_patch(copy.deepcopy(old), body)
        except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException):
            return
        self._store((kind, name), old, new, writer)

    def delete(self, kind: str, name: str, uid: str = "") -> None:
        """Deletion; an object with finalizers waits for them."""
        old = self.objects.get((kind, name))
        if old is None or (uid and old["metadata"]["uid"] != uid):
            return
        if old["metadata"].get("finalizers"):
            old["metadata"]["deletionTimestamp"] = "now"
            self.touch(old)
            return
        del self.objects[kind, name]
        self._next()

    def write_status(self, item: Manifest, status: Manifest) -> None:
        """What a controller tells of an object in place; a watch sees it only where it is new."""
        if item.get("status") != status:
            item["status"] = status
            self.touch(item)

    def changed(self, old: Manifest, item: Manifest) -> None:
        """Takes note of what a controller changed of an object in place."""
        if old != item:
            self.touch(item)

    def touch(self, item: Manifest) -> None:
        item["metadata"]["resourceVersion"] = str(self._next())

    def _store(self, key: Key, old: Manifest | None, new: Manifest, writer: str) -> None:
        self.admit(old, new, writer)
        metadata = new["metadata"]
        if not metadata.get("finalizers"):
            metadata.pop("finalizers", None)
        metadata.setdefault("uid", f"uid-{self._next()}")
        if old is None or old.get("spec") != new.get("spec"):
            metadata["generation"] = metadata.get("generation", 0) + 1
        if metadata.get("deletionTimestamp") and not metadata.get("finalizers"):
            self.objects.pop(key, None)
            self._next()
            return
        if old != new:
            self.touch(new)
        self.objects[key] = new

    def _next(self) -> int:
        self.version += 1
        return self.version


def _found(item: Manifest, path: str) -> bool:
    return jsonpointer.resolve_pointer(item, path, None) is not None


def _merged(target: object, patch: object) -> Any:
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result: Manifest = target if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _merged(result.get(key), value)
    return result
