"""From the rounds of a run and what API server and Prometheus noted meanwhile to what was measured. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bench import latency
from bench.audit import Request, counted
from bench.budget import Measured
from bench.queries import Query, checks
from demo.shop import Shop
from headgate.routing.naming import candidate_service


@dataclass(frozen=True)
class Round:
    """Some releases of one version, from the first change to the last end, and until what follows that is over."""

    shops: Sequence[Shop]
    began: float
    ended: float
    over: float
    sent: int
    lost: int
    memory: int
    """The most bytes that the leader had."""


@dataclass(frozen=True)
class Rest:
    """A time in which nothing moved; CPU is a share of one core."""

    releases: int
    began: float
    ended: float
    memory: int
    cpu: float


def measured(
    *,
    one: Round,
    many: Round,
    bad: Round,
    rest: Rest,
    requests: Sequence[Request],
    queries: Sequence[Query],
    operator: str,
) -> Measured:
    """What the rounds came to: one good release, many good ones, many bad ones that began at once, and a rest."""
    answers = [query.answered for query in queries]
    backs = [latency.time_back(requests, item, operator, answers, bad.began) for item in bad.shops]
    return Measured(
        moving=len(many.shops),
        resting=rest.releases,
        rest_seconds=rest.ended - rest.began,
        rest_requests=counted(requests, operator, rest.began, rest.ended),
        release_seconds=one.ended - one.began,
        release_requests=counted(requests, operator, one.began, one.over),
        release_queries=sum(one.began <= moment <= one.ended for moment in answers),
        sent=one.sent,
        lost=one.lost,
        queries_of_one=checks(queries, *_steady(requests, one, operator)),
        queries_of_all=checks(queries, *_steady(requests, many, operator)),
        first_weights=[*_first_weights(requests, one, operator), *_first_weights(requests, many, operator)],
        first_weights_at_once=_first_weights(requests, bad, operator),
        times_back=[seconds for seconds in backs if seconds is not None],
        memory_moving=many.memory,
        memory_at_rest=rest.memory,
        cpu_at_rest=rest.cpu,
    )


def _first_weights(requests: Sequence[Request], part: Round, operator: str) -> list[float]:
    found = [latency.first_weight(requests, item, operator, part.began) for item in part.shops]
    return [weight.own for weight in found if weight]


def _steady(requests: Sequence[Request], part: Round, operator: str) -> tuple[float, float]:
    """From the moment in which all releases of a round have traffic to the first that has its route removed."""
    writes = [
        request
        for request in requests
        if request.user == operator
        and request.resource == "ingresses"
        and request.writes
        and part.began <= request.received <= part.ended
    ]
    first: dict[str, float] = {}
    for request in writes:
        first.setdefault(request.name, request.answered)
    if any(candidate_service(item.name) not in first for item in part.shops):
        return math.inf, math.inf
    removed = [request.answered for request in writes if request.verb == "delete"]
    return max(first.values()), min(removed, default=part.ended)
