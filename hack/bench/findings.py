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


@dataclass(frozen=True)
class Rounds:
    """One good release, many good ones and many bad ones that begin one after the other, and bad ones at once."""

    one: Round
    good: Round
    bad: Round
    at_once: Round


def measured(
    rounds: Rounds, rest: Rest, requests: Sequence[Request], queries: Sequence[Query], *, operator: str
) -> Measured:
    """What a run came to."""
    one, good, bad, at_once = rounds.one, rounds.good, rounds.bad, rounds.at_once
    answers = [query.answered for query in queries]
    return Measured(
        moving=len(good.shops),
        resting=rest.releases,
        rest_seconds=rest.ended - rest.began,
        rest_requests=counted(requests, operator, rest.began, rest.ended),
        release_seconds=one.ended - one.began,
        release_requests=counted(requests, operator, one.began, one.over),
        release_queries=sum(one.began <= moment <= one.ended for moment in answers),
        sent=one.sent,
        lost=one.lost,
        queries_of_one=checks(queries, *_steady(requests, one, operator)),
        queries_of_all=[
            count for part in (good, at_once) for count in checks(queries, *_steady(requests, part, operator))
        ],
        first_weights=[own for part in (one, good, bad) for own in _first_weights(requests, part, operator)],
        first_weights_at_once=_first_weights(requests, at_once, operator),
        times_back=_times_back(requests, bad, operator, answers),
        times_back_at_once=_times_back(requests, at_once, operator, answers),
        memory_moving=max(part.memory for part in (good, bad, at_once)),
        memory_at_rest=rest.memory,
        cpu_at_rest=rest.cpu,
    )


def _times_back(requests: Sequence[Request], part: Round, operator: str, answers: Sequence[float]) -> list[float]:
    found = [latency.time_back(requests, item, operator, answers, part.began) for item in part.shops]
    return [seconds for seconds in found if seconds is not None]


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
