"""The controller of a Gateway: a while after each change of an HTTPRoute it says that it has accepted it."""

from dataclasses import dataclass, field

from tests.routes import accepted
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
                self.api.write_status(route, accepted(PARENT, metadata["generation"]))
