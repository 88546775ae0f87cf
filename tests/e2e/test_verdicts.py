"""Verdicts on real counters: where thresholds fail (little traffic, an incident, a late or narrow regression)."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.manifests import ANALYSIS, Manifest
from tests.e2e.prometheus import OwnPrometheus
from tests.e2e.shop import Shop
from tests.e2e.suite import Suite

pytestmark = pytest.mark.e2e

LITTLE = 2.0
"""Requests a second of a service that nobody can judge in a minute."""
INCIDENT = 10.0
GOOD_MINUTES = 5.0
PATHS = ("/checkout", *(f"/product/{number}" for number in range(19)))


def half(**hold: str) -> list[Manifest]:
    """One step with half of the traffic."""
    return [{"setWeight": 50, "hold": hold}]


def stays(shop: Shop, seconds: float) -> None:
    """The release neither ends nor loses its traffic for so long."""

    def left(status: Manifest) -> bool:
        return (status["phase"], status["weights"]["candidate"]) != ("Progressing", 50)

    moved = shop.releases.first(lambda one: left(one.object["status"]), after=shop.changed_at, within=seconds)
    assert moved is None, f"within {seconds:.0f} s it moved:\n{shop.summary()}"


def evidence_for(status: Manifest, objective: str) -> Manifest:
    """What an objective showed."""
    found: Manifest = next(item for item in status["evidence"] if item["objective"] == objective)
    return found


@pytest.mark.parametrize("policy", ["Hold", "Advance"])
def test_little_traffic_takes_nothing_back(shop: Shop, policy: str) -> None:
    """Two requests a second and one in 25 fails, in both versions: a threshold of 99 % would take it back."""
    analysis = {**ANALYSIS, "onInconclusive": policy}
    shop.opens("v1", steps=half(min="5s", max="30s"), analysis=analysis)
    shop.misbehaves("v1", error="0.04")
    with shop.under_load(rate=LITTLE, failing=["v1", "v2"]):
        shop.ships("v2", ERROR_RATE="0.04")
        if policy == "Hold":
            status = shop.reaches("Paused", reason="WaitingForApproval")
            assert re.search(r"about [\d,]+ more candidate requests", status["message"]), status["message"]
            assert evidence_for(status, "errors")["verdict"] == "NotEnough"
            shop.asks("approve")
        shop.reaches("Succeeded")
    assert shop.weights() == [50, 100, 0]
    assert "Bad" not in shop.event_reasons()


def test_an_incident_of_both_versions_is_nobodys_fault(shop: Shop) -> None:
    """For ten seconds a fifth of all requests fails, whoever answers."""
    shop.opens("v1", steps=half(min="30s", advance="WhenNotBad"))
    with shop.under_load(failing=["v1", "v2"]):
        shop.ships("v2")
        shop.reaches("Progressing", weight=50)
        for error, seconds in (("0.2", INCIDENT), ("0", INCIDENT)):
            for version in ("v1", "v2"):
                shop.misbehaves(version, error=error)
            stays(shop, seconds)
        shop.reaches("Succeeded")
    assert shop.weights() == [50, 100, 0]


@pytest.mark.long
def test_a_version_that_turns_bad_after_five_good_minutes_is_found(shop: Shop) -> None:
    shop.opens("v1", steps=half(min="10m"))
    with shop.under_load(failing=["v2"]):
        shop.ships("v2")
        shop.reaches("Progressing", weight=50)
        stays(shop, 60 * GOOD_MINUTES)
        shop.misbehaves("v2", error="0.05")
        status = shop.reaches("RollingBack")
        shop.reaches("RolledBack")
    message = evidence_for(status, "errors")["message"]
    print(f"{shop.namespace}: {message}")
    assert re.search(r"in the last [\dms]+", message), message


def test_a_version_that_fails_on_one_path_of_twenty_is_found(shop: Shop) -> None:
    shop.opens("v1", steps=half(min="2m"))
    with shop.under_load(failing=["v2"], paths=PATHS):
        shop.ships("v2", ERROR_RATE="0.5", ERROR_PATH=PATHS[0])
        shop.reaches("RolledBack")
    assert shop.weights() == [50, 0]


@pytest.fixture
def rare(suite: Suite, tmp_path: Path) -> Iterator[OwnPrometheus]:
    """A Prometheus that scrapes every 30 seconds, as most do."""
    own = OwnPrometheus(suite.lab, tmp_path, "rare", scrape_interval="30s")
    own.start()
    yield own
    own.stop()


@pytest.mark.long
@pytest.mark.usefixtures("rare")
def test_with_scrapes_30_seconds_apart_a_good_version_is_promoted_and_a_bad_one_found(shop: Shop) -> None:
    analysis: Any = {"interval": "15s", "prometheus": "rare"}
    shop.opens("v1", steps=half(min="1m", advance="WhenNotBad"), analysis=analysis)
    with shop.under_load(failing=["v3"]):
        shop.ships("v2")
        status = shop.reaches("Succeeded", within=240)
        assert status["history"][0]["outcome"] == "Promoted"
        shop.ships("v3", ERROR_RATE="0.1")
        shop.reaches("RolledBack", within=240)
