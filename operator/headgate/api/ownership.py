"""Who an object belongs to: the mark on those made for a release, and the trace left on those of others."""

from typing import Any

from headgate.api.fields import Manifest
from headgate.api.names import API_VERSION, FIELD_MANAGER, KIND, RELEASE_LABEL


def owned_metadata(name: str, namespace: str, release: str, uid: str) -> Manifest:
    """The metadata of an object made for a release: a label to watch it by, and the release as its owner."""
    owner = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "name": release,
        "uid": uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }
    return {"name": name, "namespace": namespace, "labels": {RELEASE_LABEL: release}, "ownerReferences": [owner]}


def managed_at(metadata: Manifest) -> int | None:
    """The position of Headgate's entry in an object's managedFields."""
    managers = [entry.get("manager") for entry in metadata.get("managedFields") or ()]
    return managers.index(FIELD_MANAGER) if FIELD_MANAGER in managers else None


def disown_patch(position: int) -> list[dict[str, Any]]:
    """The JSON patch that gives a user's object back whole: without Headgate's entry in its managedFields.

    A field that Headgate wrote and gave back would else stay Headgate's, and the user's next server-side apply of
    another value would be a conflict.
    """
    entry = f"/metadata/managedFields/{position}"
    return [{"op": "test", "path": f"{entry}/manager", "value": FIELD_MANAGER}, {"op": "remove", "path": entry}]
