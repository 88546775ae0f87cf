"""One leader at a time, on a real API server and with real processes: killed, stopped, cut off."""

import signal
import time

import pytest

from tests.cluster.shell.conftest import Bench, Manifest
from tests.cluster.shell.operator_process import until

pytestmark = pytest.mark.cluster

TAKEOVER = 15.0
LEASES_SEEN = 'headgate_api_requests_total{code="200",resource="leases",verb="get"}'
WRITES = {"create", "update", "patch", "delete"}


def writes(bench: Bench, operator: int) -> list[Manifest]:
    """What an operator wrote, its lease apart."""
    return [
        line
        for line in bench.cluster.audit(bench.tokens[operator])
        if line["verb"] in WRITES and line["objectRef"]["resource"] != "leases"
    ]


def test_a_standby_takes_over_within_15_seconds_of_a_leader_that_was_killed(bench: Bench) -> None:
    leader = bench.operator()
    leader.leads()
    standby = bench.operator()
    standby.wait_for("all first lists are complete")
    assert standby.get("/readyz")[0] == 200
    bench.apply(bench.release())
    until("the leader works", lambda: bench.phase() == "Stalled")
    assert not standby.says("^leading$")
    leader.signal(signal.SIGKILL)
    killed = time.monotonic()
    standby.leads(TAKEOVER)
    print(f"\ntook over {time.monotonic() - killed:.1f} s after SIGKILL")
    assert bench.lease()["holderIdentity"].startswith("operator-2_")
    assert bench.lease()["leaseTransitions"] == 1
    bench.apply(bench.release("cart"))
    until("the standby works", lambda: bench.phase("cart") == "Stalled")
    assert writes(bench, 1)


def test_a_leader_that_ends_in_order_is_followed_within_a_retry(bench: Bench) -> None:
    leader = bench.operator()
    leader.leads()
    standby = bench.operator()
    standby.wait_for("all first lists are complete")
    time.sleep(2.5)
    leader.signal(signal.SIGTERM)
    assert leader.ends(10) == 0
    ended = time.monotonic()
    standby.leads(4)
    print(f"\ntook over {time.monotonic() - ended:.1f} s after the leader's end")


def test_a_leader_that_was_frozen_writes_nothing_when_it_wakes_up_and_ends(bench: Bench) -> None:
    """Given the leader is stopped in mid-work and another took over, then it has no say when it goes on."""
    leader = bench.operator()
    leader.leads()
    standby = bench.operator()
    standby.wait_for("all first lists are complete")
    leader.signal(signal.SIGSTOP)
    standby.leads(TAKEOVER)
    for number in range(10):
        bench.apply(bench.release(f"shop-{number}"))
    until("the new leader works", lambda: bench.phase("shop-9") == "Stalled")
    before = len(writes(bench, 0))
    leader.signal(signal.SIGCONT)
    assert leader.ends(10) == 1
    assert leader.says("the lease is lost: nothing is written any more")
    assert len(writes(bench, 0)) == before, writes(bench, 0)[before:]
    assert not standby.says("the lease is lost")


def test_a_leader_that_is_cut_off_stops_before_the_standby_begins(bench: Bench) -> None:
    """By the API server's clock: the last request of the one is older than the first write of the other."""
    proxy = bench.proxy()
    leader = bench.operator(proxy.url)
    leader.leads()
    standby = bench.operator()
    standby.wait_for("all first lists are complete")
    cut = time.monotonic()
    proxy.refuse_all()
    assert leader.ends(TAKEOVER) == 1
    stopped = time.monotonic() - cut
    standby.leads(TAKEOVER)
    print(
        f"\nthe leader ended {stopped:.1f} s after it was cut off, the standby led {time.monotonic() - cut:.1f} s after"
    )
    assert leader.says("the lease is lost")


def test_a_lease_that_is_deleted_is_made_anew_by_its_holder(bench: Bench) -> None:
    """As someone does who wants to see another leader: two at once is what he must not get."""
    leader = bench.operator()
    leader.leads()
    standby = bench.operator()
    standby.wait_for("all first lists are complete")
    until("the standby has seen the lease", lambda: standby.metric(LEASES_SEEN))
    for _ in range(3):
        bench.cluster.kubectl("delete", "lease", "headgate", "-n", bench.namespace)
        until("there is a lease again", lambda: bench.cluster.items("lease", bench.namespace))
        assert bench.lease()["holderIdentity"].startswith("operator-1_")
    assert leader.process.poll() is None
    assert not standby.says("^leading$")


def test_a_short_outage_is_survived(bench: Bench) -> None:
    proxy = bench.proxy()
    operator = bench.operator(proxy.url)
    operator.leads()
    proxy.refuse_all()
    time.sleep(4)
    proxy.heal()
    bench.apply(bench.release())
    until("it works again", lambda: bench.phase() == "Stalled")
    assert operator.process.poll() is None
    assert operator.says("cannot renew the lease")


def test_the_api_server_stopped_and_started_under_a_running_operator(bench: Bench) -> None:
    """The leader gives up, as it must; the standby waits, goes on watching, and leads when the server is back."""
    leader = bench.operator()
    leader.leads()
    standby = bench.operator()
    standby.wait_for("all first lists are complete")
    bench.apply(bench.release())
    until("the leader works", lambda: bench.phase() == "Stalled")
    bench.cluster.lab.stop("kube-apiserver")
    try:
        assert leader.ends(TAKEOVER) == 1
        assert standby.process.poll() is None
    finally:
        bench.cluster.lab.start("kube-apiserver")
    back = time.monotonic()
    standby.leads(TAKEOVER)
    print(f"\nthe standby led {time.monotonic() - back:.1f} s after the API server was back")
    until("releases can be written again", bench.cluster.admits_releases)
    bench.apply(bench.release("cart"))
    until("the standby works", lambda: bench.phase("cart") == "Stalled", 60)
