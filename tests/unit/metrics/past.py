"""The past of a service, in the OpenMetrics format: its counters, scrape by scrape, with what happened to it."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from headgate.analysis.chance import bursts, poisson

START = 1_700_000_000.0
"""When the past begins, on the second of a scrape."""
SCRAPE = 15
HOUR = 3600.0
TRAEFIK = "traefik_service_requests_total"
STABLE = {"service": "prod-shop-shop-80@kubernetesingressnginx"}
CANDIDATE = {"service": "prod-shop-shop-80-canary@kubernetesingressnginx"}

Value = Callable[[float], float]
"""Of a moment in seconds since START."""


@dataclass(frozen=True)
class Changing:
    """A value that is another one in some spans of time: begin, end and what it is then."""

    usual: float
    spans: tuple[tuple[float, float, float], ...] = ()

    def __call__(self, at: float) -> float:
        return next((value for begin, end, value in self.spans if begin <= at < end), self.usual)


@dataclass(frozen=True)
class Counted:
    """One version as one target counts it: requests a second, and which share of them fails or is slow."""

    labels: dict[str, str]
    rps: Value
    errors: Value = Changing(0.005)
    slow: Value | None = None
    """Slower than 0.3 s; no histogram when None."""
    name: str = TRAEFIK
    burst: float = 1.0
    seed: int = 1
    hours: float = 6.0
    _rng: random.Random = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_rng", random.Random(self.seed))

    def text(self) -> str:
        """All scrapes. A counter is there from its first request on."""
        counts: dict[str, int] = {}
        lines = list[str]()
        for at in range(0, int(self.hours * HOUR), SCRAPE):
            for series, grown in self._scrape(at).items():
                counts[series] = counts.get(series, 0) + grown
            lines += [f"{series} {count} {START + at}" for series, count in counts.items() if count]
        return "".join(f"{line}\n" for line in lines)

    def _scrape(self, at: float) -> dict[str, int]:
        """How much each series grew since the scrape before."""
        requests = poisson(self._rng, self.rps(at) * SCRAPE)
        failed = min(requests, bursts(self._rng, requests * self.errors(at), self.burst))
        grown = {self._series(self.name, code="200"): requests - failed, self._series(self.name, code="500"): failed}
        if self.slow is None:
            return grown
        slow = min(requests, poisson(self._rng, requests * self.slow(at)))
        durations = self.name.replace("requests_total", "request_duration_seconds")
        return {
            **grown,
            self._series(f"{durations}_count"): requests,
            self._series(f"{durations}_bucket", le="0.3"): requests - slow,
            self._series(f"{durations}_bucket", le="+Inf"): requests,
        }

    def _series(self, name: str, **labels: str) -> str:
        inside = ",".join(f'{key}="{text}"' for key, text in {**self.labels, **labels}.items())
        return f"{name}{{{inside}}}"
