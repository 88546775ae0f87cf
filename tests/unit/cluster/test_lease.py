"""One leader at most, on a virtual clock that all electors share; pauses and lost answers included."""

import asyncio
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.api.fields import Manifest
from headgate.cluster.lease import Elector, Terms
from tests.unit.cluster.memory_api import MemoryApi, MemoryClient, Request, refusal
from tests.unit.controller.virtual_time import run_in_virtual_time

pytestmark = pytest.mark.looptime

TERMS = Terms()
PATH = "/apis/coordination.k8s.io/v1/namespaces/system/leases/headgate"


def clock() -> float:
    return asyncio.get_running_loop().time()


def elector(api: MemoryApi, identity: str, caller: str = "") -> Elector:
    client = MemoryClient(api, TERMS.patience, caller=caller)
    return Elector(client, ("system", "headgate"), identity, TERMS, lambda: 1e9 + clock())


def spec(api: MemoryApi) -> Manifest:
    found: Manifest = api.objects[PATH]["spec"]
    return found


async def test_the_first_one_makes_the_lease_and_leads() -> None:
    api = MemoryApi()
    first = elector(api, "first")
    await first.acquire()
    assert first.leads
    assert spec(api) == {
        "holderIdentity": "first",
        "leaseDurationSeconds": 10,
        "acquireTime": "2001-09-09T01:46:40.000000Z",
        "renewTime": "2001-09-09T01:46:40.000000Z",
        "leaseTransitions": 0,
    }


async def test_while_it_renews_nobody_else_leads() -> None:
    api = MemoryApi()
    first, second = elector(api, "first"), elector(api, "second")
    await first.acquire()
    holding, waiting = asyncio.create_task(first.hold()), asyncio.create_task(second.acquire())
    await asyncio.sleep(600)
    assert (first.leads, second.leads, holding.done(), waiting.done()) == (True, False, False, False)
    assert spec(api)["renewTime"] > "2001-09-09T01:56:3"
    assert spec(api)["leaseTransitions"] == 0
    for task in (holding, waiting):
        task.cancel()


async def test_a_renewal_is_one_request() -> None:
    api = MemoryApi()
    first = elector(api, "first")
    await first.acquire()
    api.requests.clear()
    holding = asyncio.create_task(first.hold())
    await asyncio.sleep(61)
    assert set(api.shorts) == {"PUT leases/headgate"}
    assert len(api.shorts) == 30
    holding.cancel()


async def test_a_standby_takes_over_within_15_seconds_of_a_leader_that_died() -> None:
    """At whatever moment between two renewals that was."""
    for died_after in (0.0, 0.5, 1.0, 1.9):
        api = MemoryApi()
        first, second = elector(api, "first"), elector(api, "second")
        await first.acquire()
        holding, waiting = asyncio.create_task(first.hold()), asyncio.create_task(second.acquire())
        await asyncio.sleep(20 + died_after)
        holding.cancel()
        died = clock()
        await waiting
        assert clock() - died <= 15
        assert not first.leads
        assert (spec(api)["holderIdentity"], spec(api)["leaseTransitions"]) == ("second", 1)


async def test_a_lease_that_is_given_back_is_taken_at_once() -> None:
    api = MemoryApi()
    first, second = elector(api, "first"), elector(api, "second")
    await first.acquire()
    waiting = asyncio.create_task(second.acquire())
    await asyncio.sleep(5)
    await first.release()
    assert "holderIdentity" not in spec(api)
    released = clock()
    await waiting
    assert clock() - released <= TERMS.retry
    assert (first.leads, second.leads, spec(api)["leaseTransitions"]) == (False, True, 1)


async def test_giving_back_is_repeated_where_a_renewal_was_under_way() -> None:
    """Given the last renewal reached the server and its answer was lost, then the lease is given back all the same."""
    api = MemoryApi()
    first = elector(api, "first")
    await first.acquire()
    api.change(PATH, spec={**spec(api), "renewTime": "2001-09-09T01:46:41.000000Z"})
    await first.release()
    assert "holderIdentity" not in spec(api)


async def test_what_someone_else_holds_by_now_is_not_given_back() -> None:
    api = MemoryApi()
    first = elector(api, "first")
    await first.acquire()
    api.change(PATH, spec={**spec(api), "holderIdentity": "second"})
    await first.release()
    assert spec(api)["holderIdentity"] == "second"


@pytest.mark.parametrize("silence", ["refused", "hanging"])
async def test_a_leader_that_cannot_renew_stops_before_another_may_take_over(silence: str) -> None:
    api = MemoryApi()
    first = elector(api, "first")
    await first.acquire()
    holding = asyncio.create_task(first.hold())
    await asyncio.sleep(3)
    if silence == "hanging":
        api.latency = 3600
    else:
        api.fault = refuse
    last_renewal = 2.0
    await holding
    assert clock() <= last_renewal + TERMS.renew_within + 0.01
    assert not first.leads


async def test_an_outage_shorter_than_the_deadline_is_survived() -> None:
    api = MemoryApi()
    first = elector(api, "first")
    await first.acquire()
    holding = asyncio.create_task(first.hold())
    await asyncio.sleep(3)
    api.fault = refuse
    await asyncio.sleep(4)
    api.fault = lambda _: None
    await asyncio.sleep(10)
    assert first.leads
    assert not holding.done()
    holding.cancel()


async def test_a_renewal_whose_answer_is_lost_does_not_cost_the_lease() -> None:
    """Its next one finds the Lease at a newer version than it knows, held by itself."""
    api = MemoryApi()
    first = elector(api, "first")
    await first.acquire()
    holding = asyncio.create_task(first.hold())
    await asyncio.sleep(1)
    lost = iter([True])

    def lose_one(request: Request) -> None:
        if request.method == "PUT" and next(lost, False):
            raise ConnectionResetError("connection reset")

    api.fault_after = lose_one
    await asyncio.sleep(30)
    assert first.leads
    assert not holding.done()
    holding.cancel()


async def test_a_leader_that_was_robbed_notices_at_its_next_renewal() -> None:
    """Someone edits the Lease by hand."""
    api = MemoryApi()
    first = elector(api, "first")
    await first.acquire()
    holding = asyncio.create_task(first.hold())
    await asyncio.sleep(1)
    api.change(PATH, spec={**spec(api), "holderIdentity": "thief"})
    await holding
    assert clock() == pytest.approx(2.0, abs=0.1)
    assert not first.leads


@pytest.mark.parametrize("moment", [20.0, 20.4, 20.8, 21.2, 21.6])
@pytest.mark.parametrize("answers", ["404", "409"])
async def test_a_lease_that_is_deleted_is_made_anew_by_its_holder_and_nobody_else_leads(
    moment: float, answers: str
) -> None:
    """A renewal of what is gone is answered 404, or 409 where the API server compares the uid first."""
    api = MemoryApi()
    first, second = elector(api, "first"), elector(api, "second")
    await first.acquire()
    tasks = [asyncio.create_task(first.hold()), asyncio.create_task(second.acquire())]
    await asyncio.sleep(moment)
    del api.objects[PATH]
    if answers == "409":
        api.fault = lambda request: (
            refusal(409, "Conflict", "uid") if request.method == "PUT" and PATH not in api.objects else None
        )
    for _ in range(300):
        await asyncio.sleep(0.1)
        assert (first.leads, second.leads) == (True, False)
    assert spec(api)["holderIdentity"] == "first"
    for task in tasks:
        task.cancel()


async def test_the_lease_of_a_leader_that_died_may_be_deleted() -> None:
    """As someone in a hurry does: it still takes the duration until another may lead, for the leader may be alive."""
    api = MemoryApi()
    first, second = elector(api, "first"), elector(api, "second")
    await first.acquire()
    waiting = asyncio.create_task(second.acquire())
    await asyncio.sleep(2)
    del api.objects[PATH]
    await waiting
    assert TERMS.duration <= clock() <= TERMS.duration + TERMS.retry


async def test_a_standby_waits_the_whole_duration_from_when_it_looked_first() -> None:
    """The holder's renewTime is of another clock, hours off: it only matters that it changes."""
    api = MemoryApi()
    first = elector(api, "first")
    await first.acquire()
    api.change(PATH, spec={**spec(api), "renewTime": "1999-01-01T00:00:00.000000Z"})
    second = elector(api, "second")
    await second.acquire()
    assert TERMS.duration <= clock() <= TERMS.duration + TERMS.retry


async def test_an_api_server_that_is_away_at_the_start_is_waited_for() -> None:
    api = MemoryApi(fault=lambda _: refusal(503, "ServiceUnavailable", "starting"))
    first = elector(api, "first")
    waiting = asyncio.create_task(first.acquire())
    await asyncio.sleep(60)
    api.fault = lambda _: None
    await waiting
    assert first.leads


async def test_of_many_that_start_together_one_leads() -> None:
    api = MemoryApi(latency=0.2)
    crowd = [elector(api, f"pod-{number}") for number in range(5)]
    tasks = [asyncio.create_task(one.acquire()) for one in crowd]
    await asyncio.sleep(5)
    assert [one.leads for one in crowd].count(True) == 1
    for task in tasks:
        task.cancel()


def refuse_connection(_: Request) -> None:
    raise ConnectionRefusedError("connection refused")


def refuse(_: Request) -> None:
    raise ConnectionRefusedError("connection refused")


Trouble = tuple[float, float, str, str]
troubles = st.lists(
    st.tuples(
        st.integers(0, 100).map(float),
        st.integers(1, 40).map(float),
        st.sampled_from(["refused", "answers lost", "slow", "hanging"]),
        st.sampled_from(["a", "b", "ab"]),
    ),
    max_size=4,
)


class Network:
    """An API server behind a network that has its troubles: (begins, lasts, kind, who is hit)."""

    def __init__(self, troubles: list[Trouble]) -> None:
        self._troubles = troubles
        self.api = MemoryApi(fault=self._before, fault_after=self._after, delay=self._delay)

    def _trouble_of(self, caller: str) -> str:
        now = clock()
        return next((kind for at, lasts, kind, who in self._troubles if at <= now < at + lasts and caller in who), "")

    def _before(self, request: Request) -> None:
        if self._trouble_of(request.caller) == "refused":
            refuse(request)

    def _after(self, request: Request) -> None:
        if self._trouble_of(request.caller) == "answers lost":
            raise ConnectionResetError("connection reset")

    def _delay(self, request: Request) -> float:
        return {"slow": 2.5, "hanging": 600.0}.get(self._trouble_of(request.caller), 0.05)


async def live(api: MemoryApi, name: str, everyone: list[Elector]) -> None:
    """A replica that starts again whenever it has lost."""
    for life in itertools.count():
        mine = elector(api, f"{name}-{life}", caller=name)
        everyone.append(mine)
        await mine.acquire()
        await mine.hold()


@given(troubles=troubles)
def test_never_do_two_lead_at_once_and_one_always_does_in_the_end(troubles: list[Trouble]) -> None:
    """Given two replicas and troubles that end by 140 s, then one leads from 155 s on."""
    network, everyone = Network(troubles), list[Elector]()

    async def watch() -> None:
        tasks = [asyncio.create_task(live(network.api, name, everyone)) for name in "ab"]
        while clock() < 200:
            await asyncio.sleep(0.25)
            leaders = [one.identity for one in everyone if one.leads]
            assert len(leaders) <= 1, f"{leaders} lead at {clock():.1f} s"
            assert leaders or clock() < 155, f"nobody leads at {clock():.1f} s"
        for task in tasks:
            task.cancel()

    run_in_virtual_time(watch())
