"""How one object of the cluster is kept in memory: reduced to what decisions read of it."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from headgate.api.fields import Manifest
from headgate.api.names import FIELD_MANAGER, GROUP, KIND, RELEASE_LABEL
from headgate.api.release import read_release
from headgate.cluster.resources import DEPLOYMENTS, ENDPOINT_SLICES, ENTRIES, RELEASES, REPLICA_SETS, SERVICES
from headgate.release.decision import Ref
from headgate.routing.service import Service, read_service
from headgate.workloads.deployment import Deployment, read_deployment
from headgate.workloads.endpoints import read_endpoint_slice
from headgate.workloads.replica_set import read_replica_set

_UNREAD = frozenset({"managedFields", "resourceVersion"})
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


class Place(NamedTuple):
    """Where an object is: its kind, namespace and name."""

    kind: str
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Names:
    """What a release names, and its age: of two releases that name the same, the older one owns it."""

    places: tuple[Place, ...]
    age: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Text:
    """A manifest as JSON text, a tenth of the memory of its dictionaries; its resourceVersion is kept apart."""

    body: str

    def manifest(self, version: int) -> Manifest:
        manifest: Manifest = json.loads(self.body)
        manifest["metadata"]["resourceVersion"] = str(version)
        return manifest


@dataclass(frozen=True, slots=True)
class ServiceSeen:
    """A Service as a fact about a user's object, and as a manifest where it is one of ours."""

    fact: Service
    text: Text | None


@dataclass(frozen=True, slots=True)
class Kept:
    """One object; `owner` is the release it was made for, `value` what its kind is reduced to."""

    uid: str
    version: int
    owner: str
    value: Any

    def differs_from(self, old: "Kept", *, blind_to_status: bool = False) -> bool:
        """Whether more than the resourceVersion is different."""
        if blind_to_status:
            return self.uid != old.uid or _without_status(self) != _without_status(old)
        return self.uid != old.uid or _without_version(self.value) != _without_version(old.value)

    @property
    def manifest(self) -> Manifest | None:
        """The object as a manifest, where its kind is kept as one."""
        text = self.value.text if isinstance(self.value, ServiceSeen) else self.value
        return text.manifest(self.version) if isinstance(text, Text) else None


def keep(manifest: Manifest) -> Kept:
    """A manifest as it is kept."""
    reader = _READERS[manifest["kind"]]
    return Kept(manifest["metadata"].get("uid", ""), version_in(manifest), owner_in(manifest), reader(manifest))


def place_in(manifest: Manifest) -> Place:
    metadata = manifest["metadata"]
    return Place(manifest["kind"], metadata.get("namespace", ""), metadata["name"])


def place_of(ref: Ref) -> Place:
    return Place(ref.kind, ref.namespace, ref.name)


def ref_at(place: Place) -> Ref:
    """The object at a place that a release can name."""
    api_version = next(item.api_version for item in (DEPLOYMENTS, SERVICES, *ENTRIES) if item.kind == place.kind)
    return Ref(api_version, place.kind, place.namespace, place.name)


def number_of(resource_version: str) -> int:
    """A resourceVersion as a number, 0 where it is none."""
    return int(resource_version) if resource_version.isdigit() else 0


def version_in(manifest: Manifest) -> int:
    return number_of(manifest["metadata"].get("resourceVersion", ""))


def owner_in(manifest: Manifest) -> str:
    """The release that an object was made for; empty for any other, whatever label someone has put on it.

    What is ours is overwritten and deleted, so the label alone is not enough: a release must own the object, or
    Headgate must have applied it, for an orphaning deletion takes the owner away. Without the label an object is not
    ours either, so that it is applied again: watches go by it. An EndpointSlice is only read; Kubernetes makes it with
    the labels of its Service.
    """
    kind, metadata = manifest["kind"], manifest["metadata"]
    label: str = (metadata.get("labels") or {}).get(RELEASE_LABEL, "")
    if kind in {RELEASES.kind, ENDPOINT_SLICES.kind}:
        return label if kind == ENDPOINT_SLICES.kind else ""
    owned = any(_is_release(owner, label) for owner in metadata.get("ownerReferences") or ())
    made = owned or any(map(_is_our_apply, metadata.get("managedFields") or ()))
    return label if made else ""


def _is_release(owner: Manifest, name: str) -> bool:
    group = owner["apiVersion"].partition("/")[0]
    return (group, owner["kind"], owner["name"]) == (GROUP, KIND, name)


def _is_our_apply(entry: Manifest) -> bool:
    return bool(entry.get("manager") == FIELD_MANAGER and entry.get("operation") == "Apply")


def names_in(release_kept: Kept) -> Names:
    """What a release names, by its spec and while it moves; nothing where its spec cannot be read."""
    manifest = release_kept.value.manifest(release_kept.version)
    age = (manifest["metadata"].get("creationTimestamp", ""), release_kept.uid)
    release = read_release(manifest)
    if release.spec is None:
        return Names((), age)
    moving_service, moving_entry = release.entrances
    named = (
        (DEPLOYMENTS.kind, release.spec.target_ref.name),
        (SERVICES.kind, release.service),
        (SERVICES.kind, moving_service),
        *((entry.kind, entry.name) for entry in (release.spec.traffic.entry, moving_entry) if entry),
    )
    return Names(tuple(dict.fromkeys(Place(kind, release.namespace, name) for kind, name in named)), age)


def _lean(manifest: Manifest) -> Text:
    """The manifest without what no decision reads."""
    metadata = {key: value for key, value in manifest["metadata"].items() if key not in _UNREAD}
    if _LAST_APPLIED in (metadata.get("annotations") or {}):
        metadata["annotations"] = {k: v for k, v in metadata["annotations"].items() if k != _LAST_APPLIED}
    return Text(json.dumps({**manifest, "metadata": metadata}, separators=(",", ":")))


def _service(manifest: Manifest) -> ServiceSeen:
    return ServiceSeen(read_service(manifest), _lean(manifest) if owner_in(manifest) else None)


_READERS: dict[str, Callable[[Manifest], Any]] = {
    RELEASES.kind: _lean,
    DEPLOYMENTS.kind: read_deployment,
    REPLICA_SETS.kind: read_replica_set,
    SERVICES.kind: _service,
    ENDPOINT_SLICES.kind: read_endpoint_slice,
    **{resource.kind: _lean for resource in ENTRIES},
}


def _without_status(kept: Kept) -> Manifest:
    manifest: Manifest = json.loads(kept.value.body)
    manifest.pop("status", None)
    return manifest


def _without_version(value: Any) -> Any:  # noqa: ANN401 (one type for each kind)
    if isinstance(value, Deployment):
        return replace(value, resource_version="")
    if isinstance(value, ServiceSeen):
        return replace(value.fact, resource_version=""), value.text
    return value
