"""What Prometheus finds at /metrics."""

import asyncio
import math

import pytest
from prometheus_client.parser import text_string_to_metric_families

from headgate.api.status import Evidence, Progress, Status, Weights
from headgate.cluster.projection import Key
from headgate.controller.telemetry import Telemetry

SHOP = Key("prod", "shop")
MOVING = Status(
    phase="Progressing",
    weights=Weights(stable=75, candidate=25),
    progress=Progress(stage="Step", since=0.0, started_at=0.0, service="shop"),
    evidence=(
        Evidence(objective="errors", verdict="Bad", e_value="2,300"),
        Evidence(objective="latency", verdict="NotEnough", e_value="10^12"),
        Evidence(objective="saturation", verdict="Safe"),
    ),
)


async def samples(telemetry: Telemetry) -> dict[tuple[str, ...], float]:
    """Name and label values of each sample."""
    families = text_string_to_metric_families((await telemetry.text()).decode())
    return {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}


async def test_a_release_has_weight_phase_verdict_and_evidence() -> None:
    telemetry = Telemetry()
    telemetry.show(SHOP, MOVING)
    found = await samples(telemetry)
    assert found["headgate_release_weight", "shop", "prod", "stable"] == 75
    assert found["headgate_release_weight", "shop", "prod", "candidate"] == 25
    assert found["headgate_release_phase", "shop", "prod", "Progressing"] == 1
    assert sum(value for key, value in found.items() if key[0] == "headgate_release_phase") == 1
    assert found["headgate_release_verdict", "shop", "prod", "errors", "Bad"] == 1
    assert found["headgate_release_verdict", "shop", "prod", "errors", "Safe"] == 0
    assert found["headgate_release_evidence", "shop", "prod", "errors"] == 2300
    assert found["headgate_release_evidence", "shop", "prod", "latency"] == 1e12
    assert ("headgate_release_evidence", "shop", "prod", "saturation") not in found


@pytest.mark.parametrize("e_value", ["10^309", "10^4000", "infinite"])
async def test_evidence_beyond_all_numbers_is_infinite(e_value: str) -> None:
    """Of a candidate that fails every request in much traffic."""
    telemetry = Telemetry()
    telemetry.show(SHOP, MOVING.told(evidence=(Evidence(objective="errors", verdict="Bad", e_value=e_value),)))
    assert (await samples(telemetry))["headgate_release_evidence", "shop", "prod", "errors"] == math.inf


async def test_an_ended_release_has_no_verdict_any_more() -> None:
    telemetry = Telemetry()
    telemetry.show(SHOP, MOVING.told(progress=None, phase="Succeeded"))
    assert not [key for key in await samples(telemetry) if "verdict" in key[0] or "evidence" in key[0]]


async def test_a_release_that_is_gone_leaves_no_series() -> None:
    telemetry = Telemetry()
    telemetry.show(SHOP, MOVING)
    telemetry.show(Key("prod", "cart"), Status())
    telemetry.forget(SHOP)
    telemetry.forget(SHOP)
    names = {key[1] for key in await samples(telemetry) if key[0].startswith("headgate_release")}
    assert names == {"cart"}


async def test_requests_ticks_and_gauges_are_counted() -> None:
    telemetry = Telemetry()
    telemetry.count_request("patch", "services", 200)
    telemetry.count_request("patch", "services", 200)
    telemetry.count_request("get", "leases", 0)
    depth = iter([3.0, 5.0])
    telemetry.gauge("headgate_queue_depth", lambda: next(depth))
    with telemetry.timed():
        pass
    await telemetry.text()
    found = await samples(telemetry)
    assert found["headgate_api_requests_total", "200", "services", "patch"] == 2
    assert found["headgate_api_requests_total", "0", "leases", "get"] == 1
    assert found["headgate_queue_depth",] == 5.0
    assert found["headgate_tick_seconds_count",] == 1


async def test_a_tick_that_fails_is_timed_too() -> None:
    telemetry = Telemetry()
    with pytest.raises(ValueError, match="x"), telemetry.timed():
        raise ValueError("x")
    assert (await samples(telemetry))["headgate_tick_seconds_count",] == 1


async def test_a_release_is_told_anew_as_soon_as_it_changes() -> None:
    """Although what is told of a thousand at rest is not made anew for each scrape."""
    telemetry = Telemetry()
    telemetry.show(SHOP, MOVING)
    first = await telemetry.text()
    assert await telemetry.text() == first
    telemetry.show(SHOP, MOVING.told(weights=Weights(stable=50, candidate=50)))
    assert (await samples(telemetry))["headgate_release_weight", "shop", "prod", "candidate"] == 50
    telemetry.forget(SHOP)
    assert not [key for key in await samples(telemetry) if key[0].startswith("headgate_release")]


async def test_a_release_that_changes_while_it_is_told_is_told_anew_the_next_time() -> None:
    telemetry = Telemetry()
    telemetry.show(SHOP, MOVING)
    telling = asyncio.create_task(telemetry.text())
    await asyncio.sleep(0)
    telemetry.show(SHOP, MOVING.told(phase="Succeeded", progress=None))
    await telling
    assert (await samples(telemetry))["headgate_release_phase", "shop", "prod", "Succeeded"] == 1
