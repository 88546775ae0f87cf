"""The split of traffic between versions, said once and independent of any router."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from headgate.api.fields import Manifest
from headgate.routing.meter import Meter


@dataclass(frozen=True)
class Backend:
    """One version: the Service that leads to its pods, their pod-template-hash, and its share in percent."""

    service: str
    revision: str
    weight: int = 0


@dataclass(frozen=True)
class Route:
    """Where the traffic of one release goes.

    `pinned` says which version the user's own Service leads to wherever the router does not split: stable until the
    candidate is promoted, then the candidate; neither where stable's pods are gone for good.
    """

    namespace: str
    release: str
    uid: str
    target: str
    service: str
    stable: Backend
    candidate: Backend
    entry: Manifest | None = None
    """The user's entry object, as the cluster has it: the router knows its kind."""
    pinned: Literal["stable", "candidate", "neither"] = "stable"

    @property
    def entry_name(self) -> str:
        """The name of the user's entry object; empty without one."""
        name: str = self.entry["metadata"]["name"] if self.entry else ""
        return name


class Seen(NamedTuple):
    """What the cluster says of a route: `weight` is the candidate's share in the objects, None when they are absent."""

    weight: int | None
    state: Literal["missing", "pending", "accepted", "drifted"]
    reason: str = ""


class Router(Protocol):
    """How one kind of traffic object splits requests. Pure: values in, manifests and readings out."""

    @property
    def name(self) -> str:
        """What the router is called in messages."""

    @property
    def settle(self) -> float:
        """Seconds until every instance of the data plane follows a write, where no condition tells."""

    @property
    def by_pods(self) -> bool:
        """Whether a version's share of the requests is its share of the pods."""

    def problems(self, route: Route) -> Sequence[str]:
        """Sentences on what this router cannot do for the route; empty when it can."""

    def render(self, route: Route) -> Sequence[Manifest]:
        """The objects of ours that make the split, for server-side apply: the same route gives the same bytes."""

    def pin(self, route: Route) -> str | None:
        """The pod-template-hash the user's Service must be pinned to; None for no pin."""

    def size(self, weight: int, stable: int) -> int:
        """How many candidate pods a weight needs beside `stable` stable pods, headroom left out."""

    def share(self, weight: int, stable: int) -> int:
        """The candidate's share of the requests, in percent, at a weight with that many pods beside `stable` ones."""

    def observe(self, route: Route, live: Sequence[Manifest]) -> Seen:
        """What the live objects do with the route."""

    def meters(self, route: Route) -> tuple[Meter, Meter]:
        """The series of stable and of the candidate."""
