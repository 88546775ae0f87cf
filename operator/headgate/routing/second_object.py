"""What all routers have in common that split by an object of ours beside the user's entry.

The user's own object is never edited: the second one takes its share of the requests, and to delete it is to give all
of them back. At weight 0 there is none: no object of ours names a Service without endpoints.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from headgate.api.fields import Manifest
from headgate.api.ownership import owned_metadata
from headgate.routing.meter import Meter
from headgate.routing.naming import name_problem
from headgate.routing.proxies import Proxy
from headgate.routing.route import Route, Seen


class SecondObjectRouter(ABC):
    """A router whose objects are one of `kind` in all."""

    api_version: ClassVar[str]
    kind: ClassVar[str]
    by_pods = False

    @property
    def settle(self) -> float:
        return self.proxy.settle

    def meters(self, route: Route) -> tuple[Meter, Meter]:
        return self.proxy.meters(route)

    def problems(self, route: Route) -> Sequence[str]:
        if route.entry is None:
            return [f"no {self.kind.lower()} is given"]
        problem = name_problem(route.service)
        return [*self.misfits(route, route.entry), *([problem] if problem else ())]

    def render(self, route: Route) -> Sequence[Manifest]:
        if route.candidate.weight == 0 or route.entry is None:
            return []
        spec = self.second(route, route.entry)
        if spec is None:
            return []
        metadata = owned_metadata(route.candidate.service, route.namespace, route.release, route.uid)
        metadata |= {"annotations": annotations} if (annotations := self.annotations(route)) else {}
        return [{"apiVersion": self.api_version, "kind": self.kind, "metadata": metadata, "spec": spec}]

    def pin(self, route: Route) -> str | None:
        return {"stable": route.stable.revision, "candidate": route.candidate.revision}.get(route.pinned)

    def size(self, weight: int, stable: int) -> int:
        return -(-weight * stable // 100)

    def share(self, weight: int, stable: int) -> int:  # noqa: ARG002 (the proxy splits, however many pods there are)
        return weight

    def observe(self, route: Route, live: Sequence[Manifest]) -> Seen:
        found = next((item for item in live if item["kind"] == self.kind), None)
        wanted = next(iter(self.render(route)), None)
        if found is None:
            return Seen(0, "missing", f"its {self.kind.lower()} is gone") if wanted else Seen(0, "accepted")
        weight = self.weight_in(route, found)
        if wanted is None:
            return Seen(weight, "drifted", f"weight {weight} instead of 0")
        if drift := _drift(wanted, found):
            return Seen(weight, "drifted", drift)
        waits = self.unaccepted(route, found)
        return Seen(weight, "pending", waits) if waits else Seen(weight, "accepted")

    @property
    @abstractmethod
    def proxy(self) -> Proxy:
        """Who serves the objects."""

    @abstractmethod
    def misfits(self, route: Route, entry: Manifest) -> Sequence[str]:
        """Sentences on why the user's entry cannot be split; empty when it can."""

    @abstractmethod
    def second(self, route: Route, entry: Manifest) -> Manifest | None:
        """The spec of the object of ours; None where nothing of the entry leads to the Service."""

    @abstractmethod
    def weight_in(self, route: Route, live: Manifest) -> int:
        """The candidate's share that the object gives, in percent."""

    def annotations(self, route: Route) -> dict[str, str]:  # noqa: ARG002 (most say all in their spec)
        """The annotations of the object of ours."""
        return {}

    def unaccepted(self, route: Route, live: Manifest) -> str:  # noqa: ARG002 (an Ingress tells nothing)
        """Why no proxy follows the object yet, where its status tells; empty when all do, or nothing is known."""
        return ""


def _drift(wanted: Manifest, live: Manifest) -> str:
    """What differs between the object as rendered and as found, in a few words; empty when nothing does."""
    annotations = live["metadata"].get("annotations") or {}
    for key, value in (wanted["metadata"].get("annotations") or {}).items():
        if annotations.get(key) != value:
            return f"annotation {key} is {annotations.get(key)!r} instead of {value!r}"
    for key, value in wanted["spec"].items():
        if live["spec"].get(key) != value:
            return f"spec.{key} is not as Headgate wrote it"
    return ""
