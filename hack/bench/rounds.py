"""The rounds of a run: a release by itself, many at once, a rest, and many bad ones."""

import time
from collections.abc import Sequence

from bench import leader
from bench.budget import Measured
from bench.cluster import CHECK, Cluster
from bench.findings import Rest, Round, measured
from bench.leader import USER, Leader
from bench.load import under_load
from demo import shop
from demo.shop import Shop, ShopVersion
from lab.progress import say

# Every request fails: how long a proof takes is not what is measured here.
_BAD = ShopVersion(shop.BAD.tag, error_rate=1.0)
_RATE, _RATE_OF_EACH = 120, 20
_COUNTED = 2.5 * CHECK
"""Seconds after which Prometheus has counted requests at two moments."""
_TRAILING = 3.0
"""Seconds in which the last events of a release are sent."""
_HEARTBEAT = 15.0


def run(cluster: Cluster, rest_seconds: float) -> Measured:
    """All rounds, and what they came to."""
    lead = leader.find(cluster.lab)
    many = len(cluster.crowd)
    say("a release of five steps, by itself, under load")
    one_good = _round(cluster, lead, [cluster.alone], version=shop.GOOD, phase="Succeeded", rate=_RATE)
    say(f"{many} releases at once")
    many_good = _round(cluster, lead, cluster.crowd, version=shop.GOOD, phase="Succeeded", rate=_RATE_OF_EACH)
    say(f"{rest_seconds:.0f} s of rest")
    rest = _rest(cluster, lead, rest_seconds)
    say(f"{many} bad releases at once")
    many_bad = _round(cluster, lead, cluster.crowd, version=_BAD, phase="RolledBack", rate=_RATE_OF_EACH)
    return measured(
        one=one_good,
        many=many_good,
        bad=many_bad,
        rest=rest,
        requests=cluster.requests(),
        queries=cluster.queries(),
        operator=USER,
    )


def _round(
    cluster: Cluster, lead: Leader, shops: Sequence[Shop], *, version: ShopVersion, phase: str, rate: int
) -> Round:
    """Release a version to some shops, each under so many requests a second, and wait for the phase it ends in."""
    with under_load(cluster.lab, shops, rate) as loads, leader.peak(lead) as most:
        time.sleep(_COUNTED)
        began = time.time()
        cluster.release(shops, version)
        cluster.until(shops, phase)
        ended = time.time()
        time.sleep(_TRAILING)
    sent, lost = (sum(counts) for counts in zip(*(load.totals for load in loads), strict=True))
    return Round(shops, began, ended + _TRAILING, sent, lost, most.bytes)


def _rest(cluster: Cluster, lead: Leader, seconds: float) -> Rest:
    """Nothing moves for some time."""
    began, cpu = time.time(), lead.cpu_seconds
    while (left := began + seconds - time.time()) > 0:
        time.sleep(min(_HEARTBEAT, left))
        say(f"at rest for {time.time() - began:.0f} s")
    ended = time.time()
    return Rest(cluster.releases, began, ended, lead.memory, (lead.cpu_seconds - cpu) / (ended - began))
