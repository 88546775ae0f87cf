"""Blue-green, and releases without an ingress controller, where customers come straight to the Service."""

import pytest

from tests.e2e.manifests import ANALYSIS, HALF_WAY, Manifest
from tests.e2e.shop import Shop

pytestmark = pytest.mark.e2e

SWITCH = [{"setWeight": 100, "hold": {"min": "3s", "advance": "WhenNotBad"}}]
BLUE_GREEN: Manifest = {"strategy": "BlueGreen", "steps": SWITCH, "analysis": {**ANALYSIS, "errors": {"max": "1%"}}}
LONGER = [{"setWeight": 100, "hold": {"min": "1m"}}]
FROM_PODS: Manifest = {"analysis": {**ANALYSIS, "errors": {"max": "1%"}, "application": {}}}


def test_blue_green_switches_all_traffic_at_once(shop: Shop) -> None:
    shop.opens("v1", **BLUE_GREEN)
    with shop.under_load():
        shop.ships("v2")
        shop.reaches("Promoting")
        judged = shop.pods("v2")
        shop.reaches("Succeeded")
        assert shop.pods("v2") == judged
    assert shop.weights() == [100, 0]
    assert shop.leftovers() == []


def test_blue_green_switches_back(shop: Shop) -> None:
    """Given a version that breaks its objective, with no traffic left on stable to compare it with."""
    shop.opens("v1", **{**BLUE_GREEN, "steps": LONGER})
    with shop.under_load(failing=["v2"]):
        shop.ships("v2", ERROR_RATE="0.05")
        shop.reaches("RolledBack")
    assert shop.weights() == [100, 0]
    assert shop.pins() == ["any", "v1", "any"]
    assert shop.leftovers() == []


def test_without_an_ingress_pods_share_the_traffic(shop: Shop) -> None:
    shop.opens("v1", entry="service", steps=HALF_WAY, **FROM_PODS)
    with shop.under_load(address=shop.address()) as traffic:
        shop.ships("v2")
        shop.reaches("Paused")
        assert 0.35 < traffic.share_of("v2") < 0.65
        shop.asks("approve")
        shop.reaches("Promoting", weight=100)
        judged = shop.pods("v2")
        shop.reaches("Succeeded")
        assert shop.pods("v2") == judged
    assert shop.pins() == ["any", "v1", "any", "v2", "any"]
    assert shop.leftovers() == []


def test_without_an_ingress_the_service_switches(shop: Shop) -> None:
    shop.opens("v1", entry="service", strategy="BlueGreen", steps=SWITCH, **FROM_PODS)
    with shop.under_load(address=shop.address()):
        shop.ships("v2")
        shop.reaches("Succeeded")
    assert shop.pins() == ["any", "v1", "v2", "any"]
    assert shop.leftovers() == []


def test_without_an_ingress_the_service_switches_back(shop: Shop) -> None:
    shop.opens("v1", entry="service", strategy="BlueGreen", steps=LONGER, **FROM_PODS)
    with shop.under_load(address=shop.address(), failing=["v2"]):
        shop.ships("v2", ERROR_RATE="0.05")
        shop.reaches("RolledBack")
    assert shop.pins() == ["any", "v1", "v2", "v1", "any"]
    assert shop.leftovers() == []
