"""What the cluster was last seen to hold, as far as releases need it.

Lists, watch events and the answers to our own requests all come in here; a resourceVersion decides which of two is
newer, so an event that is late never undoes the answer of a write. Only what a release names, or what was made for
one, is kept: every other object of a busy cluster passes by without a trace. (Comparing resourceVersions
as numbers: KEP-5504, and true of every built-in storage before it.)

A list replaces what was known of its collection, since kopf reports no deletion that fell into a gap of its watch.
That is why there is no sweep: a ghost lives at most until the list that follows the gap.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from headgate.api.fields import Manifest
from headgate.api.release import Release, read_release
from headgate.api.spec import EntryRef
from headgate.cluster.kept import (
    Kept,
    Names,
    Place,
    keep,
    names_in,
    number_of,
    owner_in,
    place_in,
    place_of,
    ref_at,
    version_in,
)
from headgate.cluster.resources import DEPLOYMENTS, RELEASES, SERVICES, Resource
from headgate.release.decision import Ref
from headgate.routing.service import Service
from headgate.workloads.deployment import Deployment
from headgate.workloads.endpoints import EndpointSlice
from headgate.workloads.replica_set import ReplicaSet

_log = logging.getLogger(__name__)

_MOST_TOMBSTONES = 1024


class Key(NamedTuple):
    """A release, by its namespace and name."""

    namespace: str
    name: str


class Projection:
    """The objects that releases are about. `wake` is called with each release that a change concerns."""

    def __init__(self, wake: Callable[[Key], None]) -> None:
        self._wake = wake
        self._kept: dict[Place, Kept] = {}
        self._owned: defaultdict[Key, set[Place]] = defaultdict(set)
        self._names: dict[Key, Names] = {}
        self._named_by: defaultdict[Place, set[Key]] = defaultdict(set)
        self._unknown: dict[Place, int] = {}
        self._tombstones: dict[Place, int] = {}
        self._lists = 0

    def releases(self) -> list[Key]:
        """All releases."""
        return list(self._names)

    def release(self, key: Key) -> Release | None:
        kept = self._kept.get(Place(RELEASES.kind, *key))
        return read_release(kept.manifest) if kept and kept.manifest else None

    def deployment(self, namespace: str, name: str) -> Deployment | None:
        kept = self._kept.get(Place(DEPLOYMENTS.kind, namespace, name))
        return kept.value if kept else None

    def service(self, namespace: str, name: str) -> Service | None:
        kept = self._kept.get(Place(SERVICES.kind, namespace, name))
        return kept.value.fact if kept else None

    def entry(self, namespace: str, ref: EntryRef | None) -> Manifest | None:
        kept = self._kept.get(Place(ref.kind, namespace, ref.name)) if ref else None
        return kept.manifest if kept else None

    def replica_sets(self, key: Key) -> list[ReplicaSet]:
        """The ReplicaSets that were made for a release."""
        return [kept.value for kept in self._owned_by(key) if isinstance(kept.value, ReplicaSet)]

    def endpoint_slices(self, key: Key) -> list[EndpointSlice]:
        """The EndpointSlices that bear the label of a release."""
        return [kept.value for kept in self._owned_by(key) if isinstance(kept.value, EndpointSlice)]

    def manifests(self, key: Key) -> list[Manifest]:
        """The Services and route objects that were made for a release, in a stable order."""
        return [manifest for kept in self._owned_by(key) if (manifest := kept.manifest)]

    def made(self, ref: Ref) -> bool:
        """Whether an object is there that was made for a release."""
        kept = self._kept.get(place_of(ref))
        return kept is not None and bool(kept.owner)

    def rivals(self, key: Key) -> list[str]:
        """The names of the older releases that name the same Deployment or the same Service, oldest first."""
        mine = self._names.get(key)
        if mine is None:
            return []
        shared = (self._named_by[place] for place in mine.places if place.kind in {DEPLOYMENTS.kind, SERVICES.kind})
        others = {other for keys in shared for other in keys}
        ages = sorted((self._names[other].age, other.name) for other in others)
        return [name for age, name in ages if age < mine.age]

    def unknown(self, key: Key) -> list[Ref]:
        """What a release names and no list, event or answer has told of: look it up once."""
        names = self._names.get(key)
        return [ref_at(place) for place in names.places if place in self._unknown] if names else []

    def see(self, manifest: Manifest, *, gone: bool = False) -> None:
        """Take in what a list or a watch event says of an object."""
        self._take(manifest, gone=gone, our_write=False)

    def put(self, manifest: Manifest) -> None:
        """Take in the answer to a request of our own, at once. A status that we wrote wakes nobody."""
        self._take(manifest, gone=False, our_write=True)

    def absent(self, ref: Ref) -> None:
        """Take in that an object is not there: a request for it was answered so."""
        place = place_of(ref)
        self._unknown.pop(place, None)
        kept = self._kept.get(place)
        if kept is not None:
            self._drop(place, kept.version)

    def listing(self, resource: Resource, namespace: str) -> "Listing":
        """The beginning of a list of a collection; its pages go to what is returned."""
        self._lists += 1
        return Listing(self, resource, namespace, self._lists)

    def settle(self, listing: "Listing", version: int) -> None:
        """What a complete list did not hold is not there, unless it was made or named after the list."""
        for place, kept in list(self._kept.items()):
            if listing.covers(place) and place not in listing.found and kept.version <= version:
                self._drop(place, version)
        for place, since in list(self._unknown.items()):
            if listing.covers(place) and since < listing.number:
                del self._unknown[place]

    def _take(self, manifest: Manifest, *, gone: bool, our_write: bool) -> None:
        place, version = place_in(manifest), version_in(manifest)
        old = self._kept.get(place)
        if version <= max(old.version if old else 0, self._tombstones.get(place, 0)):
            return
        new = None if gone or not self._wanted(place, manifest) else _read(place, manifest)
        if new is None:
            self._drop(place, version)
            return
        self._unknown.pop(place, None)
        self._kept[place] = new
        self._index(place, old, new)
        own_status = our_write and place.kind == RELEASES.kind
        if old is None or new.differs_from(old, blind_to_status=own_status):
            self._wake_concerned(place, old, new)

    def _wanted(self, place: Place, manifest: Manifest) -> bool:
        return place.kind == RELEASES.kind or place in self._named_by or bool(owner_in(manifest))

    def _drop(self, place: Place, version: int) -> None:
        """Forget an object. Its tombstone keeps a late answer or event from bringing it back."""
        old = self._kept.pop(place, None)
        if old is not None or place in self._named_by:
            self._unknown.pop(place, None)
            self._tombstones[place] = version
        while len(self._tombstones) > _MOST_TOMBSTONES:
            del self._tombstones[next(iter(self._tombstones))]
        if old is not None:
            self._index(place, old, None)
            self._wake_concerned(place, old, None)

    def _index(self, place: Place, old: Kept | None, new: Kept | None) -> None:
        if old is not None and old.owner:
            self._disown(Key(place.namespace, old.owner), place)
        if new is not None and new.owner:
            self._owned[Key(place.namespace, new.owner)].add(place)
        if place.kind == RELEASES.kind:
            self._rename(Key(place.namespace, place.name), names_in(new) if new else None)

    def _disown(self, key: Key, place: Place) -> None:
        self._owned[key].discard(place)
        if not self._owned[key]:
            del self._owned[key]

    def _rename(self, key: Key, names: Names | None) -> None:
        """Note what a release names now, and wake those it shares a name with: one may have to give way."""
        old = self._names.pop(key, None)
        if names is not None:
            self._names[key] = names
        if names == old:
            return
        before, after = set(old.places if old else ()), set(names.places if names else ())
        sharing = {other for place in before | after for other in self._named_by.get(place, ())}
        for place in before - after:
            self._unname(place, key)
        for place in after - before:
            self._name(place, key)
        self._wake_all(sharing)

    def _name(self, place: Place, key: Key) -> None:
        if place not in self._named_by and place not in self._kept:
            self._unknown[place] = self._lists
        self._named_by[place].add(key)

    def _unname(self, place: Place, key: Key) -> None:
        """A place that no release names any more is kept only where its object was made for one."""
        self._named_by[place].discard(key)
        if self._named_by[place]:
            return
        del self._named_by[place]
        self._unknown.pop(place, None)
        kept = self._kept.get(place)
        if kept is not None and not kept.owner:
            del self._kept[place]

    def _wake_concerned(self, place: Place, old: Kept | None, new: Kept | None) -> None:
        if place.kind == RELEASES.kind:
            self._wake(Key(place.namespace, place.name))
        owners = {Key(place.namespace, kept.owner) for kept in (old, new) if kept and kept.owner}
        self._wake_all(owners | self._named_by.get(place, set()))

    def _wake_all(self, keys: Iterable[Key]) -> None:
        for key in keys:
            if key in self._names:
                self._wake(key)

    def _owned_by(self, key: Key) -> Iterator[Kept]:
        return (self._kept[place] for place in sorted(self._owned.get(key, ())))


def _read(place: Place, manifest: Manifest) -> Kept | None:
    """The object as it is kept; None where that fails, for its owner must not be able to stop everyone's lists."""
    try:
        return keep(manifest)
    except Exception:
        _log.exception("%s %s/%s cannot be read, so it counts as absent", *place)
        return None


class Listing:
    """One list of a collection, page by page. `number` counts the lists, so that later ones are known as such."""

    def __init__(self, projection: Projection, resource: Resource, namespace: str, number: int) -> None:
        self._projection = projection
        self._resource = resource
        self._namespace = namespace
        self.number = number
        self.found: set[Place] = set()

    def covers(self, place: Place) -> bool:
        """Whether an object belongs to the listed collection."""
        return place.kind == self._resource.kind and self._namespace in {"", place.namespace}

    def page(self, items: Iterable[Manifest]) -> None:
        """Take in one page; its items need no kind, no API version."""
        for item in items:
            manifest = {**item, "apiVersion": self._resource.api_version, "kind": self._resource.kind}
            self.found.add(place_in(manifest))
            self._projection.see(manifest)

    def end(self, resource_version: str) -> None:
        """The last page has been taken in; the version is that of the list."""
        self._projection.settle(self, number_of(resource_version))
