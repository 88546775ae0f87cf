"""The proxy with its lag, the versions behind it, and the Prometheus that scrapes it."""

import random
from collections import Counter, deque
from dataclasses import dataclass, field

from headgate.analysis.samples import Series
from headgate.api.fields import Manifest
from tests.routes import weight_in
from tests.simulation.api_server import ApiServer
from tests.simulation.controllers import Controllers, Pod

SCRAPE = 5.0


@dataclass(frozen=True)
class View:
    """What the proxy believed at a moment: pods behind the user's Service and the candidate's, and the split."""

    at: float
    stable: tuple[str, ...]
    candidate: tuple[str, ...]
    weight: int


@dataclass
class Proxy:
    """Sends `rate` requests a second by what it knew `lag` seconds ago, and counts every one."""

    api: ApiServer
    controllers: Controllers
    rate: int = 50
    lag: float = 1.0
    seed: int = 0
    error_rates: dict[str, float] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    served: Counter[str] = field(default_factory=Counter)
    counters: Counter[tuple[str, str]] = field(default_factory=Counter)
    scrapes: list[tuple[float, dict[tuple[str, str], int]]] = field(default_factory=list)
    views: deque[View] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    def see(self, now: float) -> None:
        """Takes note of the present routes; what is older than the lag is in force."""
        self.views.append(View(now, self._behind("shop", now), self._behind("shop-canary", now), self.weight()))
        while len(self.views) > 1 and self.views[1].at <= now - self.lag:
            self.views.popleft()

    def send(self, now: float) -> None:
        """One second of traffic."""
        view = self.views[0]
        for _ in range(self.rate):
            arm = "candidate" if view.candidate and self.random.random() * 100 < view.weight else "stable"
            names = view.candidate if arm == "candidate" else view.stable
            pod = self.controllers.pods.get(self.random.choice(names)) if names else None
            if pod is None:
                self.lost.append(f"at {now:.0f} s: no pod behind the {arm} route, weight {view.weight}")
                continue
            failed = self.random.random() < self.error_rates.get(pod.image, 0.0)
            self.served[pod.image] += 1
            self.counters[arm, "failed" if failed else "served"] += 1

    def scrape(self, now: float) -> None:
        self.scrapes.append((now, dict(self.counters)))

    def series(self, since: float) -> list[Series]:
        """The raw samples since a moment, as the metrics room hands them over."""
        found = []
        for arm in ("stable", "candidate"):
            for kind in ("served", "failed"):
                samples = tuple(
                    (at, float(seen[arm, kind])) for at, seen in self.scrapes if at > since and (arm, kind) in seen
                )
                if samples:
                    found.append(Series(f"{arm}/{kind}", arm, kind, samples))
        return found

    def _behind(self, name: str, now: float) -> tuple[str, ...]:
        """The pods that an Ingress leads to, by its own Service; without an Ingress the Service is reached directly."""
        service, ingress = self.api.get("Service", name), self.api.get("Ingress", name)
        if service is None or (ingress and not _ports_of(ingress) <= _ports_of_service(service)):
            return ()
        pods: list[Pod] = self.controllers.ready(service["spec"]["selector"], now)
        return tuple(pod.name for pod in pods)

    def weight(self) -> int:
        """The candidate's share by the routes as they are now."""
        routes = (self.api.get(kind, "shop-canary") for kind in ("Ingress", "HTTPRoute"))
        return sum(weight_in(route) for route in routes if route)


def _ports_of(ingress: Manifest) -> set[int]:
    paths = [path for rule in ingress["spec"]["rules"] for path in rule["http"]["paths"]]
    return {path["backend"]["service"]["port"]["number"] for path in paths}


def _ports_of_service(service: Manifest) -> set[int]:
    return {port["port"] for port in service["spec"]["ports"]}
