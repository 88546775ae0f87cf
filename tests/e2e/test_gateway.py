"""Releases through the Gateway API, where a second HTTPRoute takes the candidate's share of the user's."""

import pytest

from tests.e2e.inventory import changes, everything
from tests.e2e.manifests import HALF_WAY, LONG
from tests.e2e.shop import Shop

pytestmark = pytest.mark.e2e


def test_a_good_version_is_promoted_through_an_http_route(shop: Shop) -> None:
    """What another rule of the user's takes, it takes all the time; his own route is not touched."""
    shop.opens("v1", entry="httpRoute", steps=HALF_WAY)
    mine = shop.kubectl.get("httproute", "shop")
    at_rest = everything(shop.kubectl)
    with shop.under_load() as traffic:
        shop.ships("v2")
        shop.reaches("Paused")
        assert 0.45 < traffic.share_of("v2") < 0.55
        status, headers = shop.answer(**{"X-Away": "yes"})
        assert (status, headers["Location"]) == (302, "http://away.test/")
        shop.asks("approve")
        shop.reaches("Succeeded")

    assert shop.weights() == [50, 100, 0]
    assert shop.pins() == ["any", "v1", "v2", "any"]
    assert shop.kubectl.get("httproute", "shop")["metadata"]["generation"] == mine["metadata"]["generation"]
    assert shop.leftovers() == []
    assert {one for one in changes(at_rest, everything(shop.kubectl)) if "HTTPRoute" in one} == set()


def test_a_bad_version_is_taken_back_from_an_http_route(shop: Shop) -> None:
    """By the counters that the gateway keeps of each backend."""
    shop.opens("v1", entry="httpRoute", steps=LONG)
    with shop.under_load(failing=["v2"]):
        shop.ships("v2", ERROR_RATE="0.05")
        shop.reaches("RolledBack")
    assert shop.weights() == [50, 0]
    assert shop.pins() == ["any", "v1", "any"]
    assert shop.leftovers() == []
