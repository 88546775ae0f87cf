"""Traffic by the Service alone, where no proxy splits it: a canary by its share of pods, a switch by the selector.

At weight 0 the user's Service is pinned to stable, at 100 to the candidate; in between it has no pin, and each version
gets the share of requests that it has of the ready pods. What can be had is the nearest share that whole pods give.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from headgate.api.fields import Manifest
from headgate.routing.application import application_meters
from headgate.routing.meter import Meter
from headgate.routing.naming import name_problem
from headgate.routing.route import Route, Seen


@dataclass(frozen=True)
class SelectorRouter:
    """Weights by the user's Service. kube-proxy follows an EndpointSlice within a second or two; 5 s is twice that."""

    name: str = "service"
    settle: float = 5.0
    by_pods: bool = True

    def problems(self, route: Route) -> Sequence[str]:
        problem = name_problem(route.service)
        return [problem] if problem else []

    def render(self, route: Route) -> Sequence[Manifest]:  # noqa: ARG002 (the Service alone makes the split)
        return []

    def pin(self, route: Route) -> str | None:
        if route.pinned == "candidate" or route.candidate.weight == 100:
            return route.candidate.revision
        return route.stable.revision if route.candidate.weight == 0 and route.pinned == "stable" else None

    def size(self, weight: int, stable: int) -> int:
        if weight == 0:
            return 0
        return stable if weight == 100 else max(1, round(weight * stable / (100 - weight)))

    def share(self, weight: int, stable: int) -> int:
        if weight in (0, 100):
            return weight
        pods = self.size(weight, stable)
        return round(100 * pods / (pods + stable))

    def observe(self, route: Route, live: Sequence[Manifest]) -> Seen:  # noqa: ARG002 (pins are compared elsewhere)
        return Seen(route.candidate.weight, "accepted")

    def meters(self, route: Route) -> tuple[Meter, Meter]:
        return application_meters(route)
