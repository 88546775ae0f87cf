"""Prometheus' own log of its queries: what was asked, when, and by whom. Pure."""

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from headgate.api.fields import parse_moment

_APART = 1.0
"""Seconds between two checks, at least; the queries of one check follow each other much faster."""


class Query(NamedTuple):
    """One query: when its answer was ready, in seconds since the epoch, and who asked."""

    answered: float
    client: str


def read(lines: Iterable[str], clients: Collection[str]) -> Iterator[Query]:
    """The queries that came from these addresses."""
    for line in lines:
        entry = json.loads(line)
        query = Query(parse_moment(entry["time"]), entry.get("httpRequest", {}).get("clientIP", ""))
        if query.client in clients:
            yield query


def checks(queries: Sequence[Query], since: float, until: float) -> list[int]:
    """How many queries each check between two moments took."""
    found: list[int] = []
    last = float("-inf")
    for query in queries:
        if since <= query.answered <= until:
            if query.answered - last > _APART:
                found.append(0)
            found[-1] += 1
            last = query.answered
    return found
