"""A past for Prometheus, in the OpenMetrics format: a service's counters, with what happened to it."""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from headgate.analysis.chance import bursts, poisson

START = 1_700_000_000.0
"""When the past begins, on the second of a scrape."""
SCRAPE = 15
REQUESTS = "traefik_service_requests_total"
STABLE = {"service": "prod-shop-shop-80@kubernetesingressnginx"}
CANDIDATE = {"service": "prod-shop-shop-80-canary@kubernetesingressnginx"}

Rate = Callable[[float], float]
"""Of a moment in seconds since the beginning."""


@dataclass
class Counted:
    """One version as one target counts it: requests a second and share of errors, by moment."""

    labels: dict[str, str]
    rps: Rate
    errors: Rate
    name: str = REQUESTS
    code_label: str = "code"
    burst: float = 1.0
    seed: int = 1
    hours: float = 6.0

    def text(self) -> str:
        """All scrapes; a counter is there since its first request."""
        rng, served, failed, lines = random.Random(self.seed), 0, 0, list[str]()
        for at in range(0, int(self.hours * 3600), SCRAPE):
            requests = poisson(rng, self.rps(at) * SCRAPE)
            errors = min(requests, bursts(rng, requests * self.errors(at), self.burst))
            served, failed = served + requests - errors, failed + errors
            lines += [self._line(code, value, at) for code, value in (("200", served), ("500", failed)) if value]
        return "\n".join(lines) + "\n"

    def _line(self, code: str, value: int, at: float) -> str:
        inside = ",".join(f'{key}="{text}"' for key, text in {**self.labels, self.code_label: code}.items())
        return f"{self.name}{{{inside}}} {value} {START + at}"


def always(value: float) -> Rate:
    return lambda _: value


@dataclass
class Changing:
    """A value that is another one in some spans of time."""

    usual: float
    spans: Iterable[tuple[float, float, float]] = field(default_factory=tuple)
    """Begin, end, value."""

    def __call__(self, at: float) -> float:
        return next((value for begin, end, value in self.spans if begin <= at < end), self.usual)
