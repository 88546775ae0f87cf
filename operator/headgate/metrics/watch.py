"""What is to be read for one release."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from headgate.api.status import Mark
from headgate.routing.meter import Meter

Key = tuple[str, str]
"""Namespace and name of a release."""


@dataclass(frozen=True)
class Watch:
    """One release that moves: its series, and since when they count."""

    key: Key
    prometheus: str
    """Name of a Prometheus in the operator's configuration."""
    stable: Meter
    candidate: Meter
    since: float
    """When the release began, in seconds since the epoch, not later than its first mark."""
    marks: tuple[Mark, ...]
    interval: float
    """Seconds between two checks."""
    latency: float | None = None
    """The latency bound in seconds."""
    queries: tuple[tuple[str, str], ...] = ()
    """Name and PromQL of the spec's queries, with their variables replaced."""


def expand(query: str, variables: Mapping[str, str]) -> str:
    """A query with $(name) replaced by its value; a name that is unknown stays, and Prometheus will say so."""
    return re.sub(r"\$\((\w+)\)", lambda found: variables.get(found[1], found[0]), query)
