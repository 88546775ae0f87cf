"""Prometheus' own log of its queries: what was asked, when, and by whom. Pure."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from headgate.api.fields import parse_moment


class Query(NamedTuple):
    """One query: when its answer was ready, in seconds since the epoch, and about which moment it was asked."""

    answered: float
    about: str


def read(lines: Iterable[str], clients: Collection[str]) -> Iterator[Query]:
    """The queries that came from these addresses."""
    for line in lines:
        entry = json.loads(line)
        if entry.get("httpRequest", {}).get("clientIP") in clients:
            yield Query(parse_moment(entry["time"]), entry["params"]["end"])


def checks(queries: Iterable[Query], since: float, until: float) -> list[int]:
    """How many queries each check between two moments took: all that a check asks is about the same moment."""
    return list(Counter(query.about for query in queries if since <= query.answered <= until).values())
