"""The controller of a Gateway: a while after each change of an HTTPRoute it says that it has accepted it."""

from dataclasses import dataclass, field

from headgate.api.fields import Manifest
from tests.simulation.api_server import ApiServer

PARENT = {"name": "web"}


@dataclass
class Gateway:
    """`lag` is how long it looks at a generation, in seconds."""

    api: ApiServer
    lag: float = 2.0
    due: dict[tuple[str, int], float] = field(default_factory=dict)

    def run(self, now: float) -> None:
        """Accepts what it has looked at long enough."""
        for route in self.api.every("HTTPRoute"):
            metadata = route["metadata"]
            if now >= self.due.setdefault((metadata["uid"], metadata["generation"]), now + self.lag):
                self.api.write_status(route, accepted(metadata["generation"]))


def accepted(generation: int) -> Manifest:
    """The status of an HTTPRoute whose generation the gateway has accepted."""
    conditions = [
        {"type": kind, "status": "True", "reason": kind, "message": "", "observedGeneration": generation}
        for kind in ("Accepted", "ResolvedRefs")
    ]
    return {"parents": [{"controllerName": "example.org/gateway", "parentRef": PARENT, "conditions": conditions}]}


def weight_in(route: Manifest | None) -> int:
    """The candidate's share that an Ingress or HTTPRoute of its own gives it."""
    if route is None:
        return 0
    if route["kind"] == "Ingress":
        return int(route["metadata"]["annotations"]["nginx.ingress.kubernetes.io/canary-weight"])
    weights = {backend["name"]: backend["weight"] for backend in route["spec"]["rules"][0]["backendRefs"]}
    share: int = 100 * weights["shop-canary"] // sum(weights.values())
    return share
