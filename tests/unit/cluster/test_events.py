"""Kubernetes Events: aggregated, bounded, and never in the way. On a virtual clock."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from headgate.api.fields import Manifest
from headgate.cluster.events import Recorder
from headgate.release.decision import Event
from headgate.release.reasons import Reason
from tests.unit.cluster.manifests import release
from tests.unit.cluster.memory_api import MemoryApi, MemoryClient, Request, refusal

pytestmark = pytest.mark.looptime

EPOCH = 1_700_000_000.0
WEIGHT = Event(Reason.WEIGHT, "5 % to shop:2")


def now() -> float:
    return EPOCH + asyncio.get_running_loop().time()


@asynccontextmanager
async def recording(api: MemoryApi) -> AsyncIterator[Recorder]:
    recorder = Recorder(MemoryClient(api), "headgate-0_abc", now)
    task = asyncio.create_task(recorder.serve())
    yield recorder
    task.cancel()


def stored(api: MemoryApi) -> list[Manifest]:
    return list(api.objects.values())


async def test_an_event_says_who_did_what_about_which_release() -> None:
    api = MemoryApi()
    async with recording(api) as recorder:
        recorder.record(release(), Event(Reason.BAD, "errors: candidate 12 of 480"))
        await recorder.flush(1)
    event = stored(api)[0]
    assert event["apiVersion"] == "events.k8s.io/v1"
    assert event["regarding"] == {
        "apiVersion": "headgate.dev/v1alpha1",
        "kind": "CanaryRelease",
        "namespace": "prod",
        "name": "shop",
        "uid": "uid-of-CanaryRelease-shop",
    }
    assert (event["reason"], event["note"], event["type"]) == ("Bad", "errors: candidate 12 of 480", "Warning")
    assert (event["reportingController"], event["reportingInstance"]) == ("headgate.dev/headgate", "headgate-0_abc")
    assert event["eventTime"] == "2023-11-14T22:13:20.000000Z"
    assert event["metadata"]["name"].startswith("shop.")


async def test_the_same_event_within_ten_minutes_is_one_event_with_a_series() -> None:
    api = MemoryApi()
    async with recording(api) as recorder:
        for _ in range(3):
            recorder.record(release(), WEIGHT)
            await asyncio.sleep(60)
    assert len(stored(api)) == 1
    assert stored(api)[0]["series"] == {"count": 3, "lastObservedTime": "2023-11-14T22:15:20.000000Z"}


async def test_what_happens_faster_than_it_is_sent_is_one_request() -> None:
    api = MemoryApi(latency=1.0)
    async with recording(api) as recorder:
        for _ in range(20):
            recorder.record(release(), WEIGHT)
            await asyncio.sleep(0.01)
        await recorder.flush(10)
    assert api.shorts[0] == "POST events"
    assert len(api.shorts) == 2
    assert stored(api)[0]["series"]["count"] == 20


async def test_after_ten_minutes_it_is_a_new_event() -> None:
    api = MemoryApi()
    async with recording(api) as recorder:
        recorder.record(release(), WEIGHT)
        await asyncio.sleep(601)
        recorder.record(release(), WEIGHT)
        await recorder.flush(1)
    assert [event.get("series") for event in stored(api)] == [None, None]


async def test_other_words_and_other_releases_are_other_events() -> None:
    api = MemoryApi()
    async with recording(api) as recorder:
        recorder.record(release(), WEIGHT)
        recorder.record(release(), Event(Reason.WEIGHT, "25 % to shop:2"))
        recorder.record(release(name="cart"), WEIGHT)
        await recorder.flush(1)
    assert len(stored(api)) == 3


async def test_a_release_cannot_flood_the_cluster() -> None:
    """25 at once, then one every five minutes; another release is not affected."""
    api = MemoryApi()
    async with recording(api) as recorder:
        for number in range(100):
            recorder.record(release(), Event(Reason.TRAFFIC_DRIFT, f"round {number}"))
        recorder.record(release(name="cart"), WEIGHT)
        await recorder.flush(60)
        assert (len(stored(api)), recorder.dropped) == (26, 75)
        await asyncio.sleep(300)
        recorder.record(release(), Event(Reason.TRAFFIC_DRIFT, "later"))
        await recorder.flush(1)
    assert len(stored(api)) == 27


async def test_a_wall_clock_that_is_put_back_takes_no_event_away() -> None:
    api, ahead = MemoryApi(), [36_000.0, 0.0, 0.0]
    recorder = Recorder(MemoryClient(api), "headgate-0_abc", lambda: now() + ahead.pop(0))
    for number in range(3):
        recorder.record(release(), Event(Reason.WEIGHT, f"{number} %"))
    assert recorder.dropped == 0


async def test_recording_takes_no_time_even_if_the_api_server_hangs() -> None:
    api = MemoryApi(latency=3600)
    async with recording(api) as recorder:
        recorder.record(release(), WEIGHT)
        recorder.record(release(), Event(Reason.WEIGHT, "25 % to shop:2"))
        assert asyncio.get_running_loop().time() == 0
        await recorder.flush(1)
        assert asyncio.get_running_loop().time() == pytest.approx(1)


async def test_an_event_that_is_refused_is_logged_and_the_next_one_is_sent(caplog: pytest.LogCaptureFixture) -> None:
    api = MemoryApi()
    api.fault = lambda request: refusal(403, "Forbidden", "no") if request.body.get("reason") == "Weight" else None
    async with recording(api) as recorder:
        recorder.record(release(), WEIGHT)
        recorder.record(release(), Event(Reason.RELEASED, "template changed"))
        await recorder.flush(1)
    assert [event["reason"] for event in stored(api)] == ["Released"]
    assert "event Weight was not recorded" in caplog.text


async def test_an_event_that_meets_a_short_outage_is_sent_after_it() -> None:
    """That a release was rolled back is told once; it must not depend on the answer of one request."""
    api = MemoryApi(fault=lambda _: refusal(503, "ServiceUnavailable", "etcd is away"))
    async with recording(api) as recorder:
        recorder.record(release(), WEIGHT)
        recorder.record(release(), Event(Reason.ROLLED_BACK, "100 % to shop:1"))
        await asyncio.sleep(5)
        api.fault = lambda _: None
        await recorder.flush(30)
    assert {event["reason"] for event in stored(api)} == {"Weight", "RolledBack"}


async def test_an_event_whose_answer_was_lost_is_there_once() -> None:
    api, lost = MemoryApi(), iter([True])

    def lose_one(_: Request) -> None:
        if next(lost, False):
            raise ConnectionResetError("connection reset")

    api.fault_after = lose_one
    async with recording(api) as recorder:
        recorder.record(release(), WEIGHT)
        await recorder.flush(30)
        recorder.record(release(), WEIGHT)
        await recorder.flush(30)
    assert [event["series"]["count"] for event in stored(api)] == [2]


async def test_an_outage_without_end_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    api = MemoryApi(fault=lambda _: refusal(503, "ServiceUnavailable", "etcd is away"))
    async with recording(api) as recorder:
        recorder.record(release(), WEIGHT)
        await recorder.flush(600)
        assert asyncio.get_running_loop().time() < 120
    assert caplog.text.count("event Weight was not recorded") == 1


async def test_an_event_that_is_gone_when_it_happens_again_is_made_anew() -> None:
    """The API server keeps Events for an hour; one that goes on happening may live longer than that."""
    api = MemoryApi()
    async with recording(api) as recorder:
        for _ in range(3):
            recorder.record(release(), WEIGHT)
            await recorder.flush(1)
            api.objects.clear()
        recorder.record(release(), WEIGHT)
        await recorder.flush(1)
    assert len(stored(api)) == 1


async def test_a_note_longer_than_the_api_allows_is_cut_at_1024_bytes() -> None:
    api = MemoryApi()
    async with recording(api) as recorder:
        recorder.record(release(), Event(Reason.WEIGHT, "\u00e9" * 2000))
        await recorder.flush(1)
    note = stored(api)[0]["note"]
    assert len(note.encode()) <= 1024
    assert note.endswith("...")
