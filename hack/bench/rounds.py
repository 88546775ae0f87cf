"""The rounds of a run: a release by itself, many good ones, many bad ones, the same in one moment, and a rest."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bench import leader
from bench.budget import Measured
from bench.cluster import CHECK, SCRAPE_AT_REST, Cluster
from bench.findings import Rest, Round, Rounds, measured
from bench.leader import USER, Leader
from bench.load import under_load
from demo import shop
from demo.shop import Shop, ShopVersion
from lab.progress import say

_COUNTED = 2.5 * CHECK
"""Seconds of load before a release: Prometheus must have counted what stable does."""
_TRAILING = 3.0
"""Seconds in which the last events of a release are sent."""
_HEARTBEAT = 15.0


@dataclass(frozen=True)
class _Plan:
    """What is released: the phase it ends in, requests a second to each shop, seconds between two that begin."""

    version: ShopVersion
    phase: str
    rate: int
    apart: float = 0.0


_ONE = _Plan(shop.GOOD, "Succeeded", 120)
# Not in one moment: else the start of so many pods takes the CPU that is to be measured.
_GOOD = _Plan(shop.GOOD, "Succeeded", 20, apart=1.5)
# Every request fails: how long a proof takes is not what is measured here.
_BAD = _Plan(ShopVersion(shop.BAD.tag, error_rate=1.0), "RolledBack", 20, apart=1.5)
_AT_ONCE = replace(_BAD, apart=0.0)


def run(cluster: Cluster, resting: int, rest_seconds: float) -> Measured:
    """All rounds, and what they came to. So many releases that never move are added for the rest."""
    rounds = _rounds(cluster, leader.find(cluster.lab))
    queries = cluster.queries()
    rest = _rest(cluster, resting, rest_seconds)
    return measured(rounds, rest, cluster.requests(), queries, operator=USER)


def _rounds(cluster: Cluster, lead: Leader) -> Rounds:
    many = f"{len(cluster.crowd)} releases"
    say("a release of five steps, by itself, under load")
    one = _round(cluster, lead, [cluster.alone], _ONE)
    say(f"{many} of a good version, one after the other")
    good = _round(cluster, lead, cluster.crowd, _GOOD)
    say(f"{many} of a bad version, one after the other")
    bad = _round(cluster, lead, cluster.crowd, _BAD)
    _go_back(cluster)
    say(f"{many} of a bad version in one moment")
    at_once = _round(cluster, lead, cluster.crowd, _AT_ONCE)
    _go_back(cluster)
    return Rounds(one, good, bad, at_once)


def _go_back(cluster: Cluster) -> None:
    """Take the bad template back, as `git revert` does it."""
    cluster.release(cluster.crowd, _GOOD.version)
    cluster.until(cluster.crowd, "Idle")


def _round(cluster: Cluster, lead: Leader, shops: Sequence[Shop], plan: _Plan) -> Round:
    """Release a version to some shops under load, and wait for their ends."""
    with under_load(cluster.lab, shops, plan.rate) as loads, leader.peak(lead) as most:
        time.sleep(_COUNTED)
        began = time.time()
        _begin(cluster, shops, plan)
        cluster.until(shops, plan.phase)
        ended = time.time()
        time.sleep(_TRAILING)
    sent, lost = (sum(counts) for counts in zip(*(load.totals for load in loads), strict=True))
    return Round(shops, began, ended, over=ended + _TRAILING, sent=sent, lost=lost, memory=most.bytes)


def _begin(cluster: Cluster, shops: Sequence[Shop], plan: _Plan) -> None:
    """Change the templates: one after the other, or by one `kubectl apply`."""
    if not plan.apart:
        cluster.release(shops, plan.version)
        return
    for item in shops:
        due = time.monotonic() + plan.apart
        cluster.release([item], plan.version)
        time.sleep(max(0.0, due - time.monotonic()))


def _rest(cluster: Cluster, resting: int, seconds: float) -> Rest:
    """Nothing moves for some time, and the operator is scraped as the chart has it."""
    cluster.scrape_every(SCRAPE_AT_REST)
    if resting:
        cluster.add_resting(resting)
    time.sleep(_TRAILING)
    lead = leader.find(cluster.lab)
    say(f"{seconds:.0f} s of rest")
    began, cpu = time.time(), lead.cpu_seconds
    while (left := began + seconds - time.time()) > 0:
        time.sleep(min(_HEARTBEAT, left))
        say(f"at rest for {time.time() - began:.0f} s")
    ended, releases = time.time(), 1 + len(cluster.crowd) + resting
    return Rest(releases, began, ended, lead.memory, (lead.cpu_seconds - cpu) / (ended - began))
