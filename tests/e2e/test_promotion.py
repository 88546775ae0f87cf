"""A good version is promoted: the pods that were judged stay, and nothing else is left of the release."""

import pytest

from tests.e2e.inventory import changes, everything
from tests.e2e.manifests import HALF_WAY
from tests.e2e.shop import Shop

pytestmark = pytest.mark.e2e


def test_a_good_version_is_promoted(shop: Shop) -> None:
    """Its release leaves behind what an ordinary rollout leaves behind, and the deletion of the release nothing."""
    shop.serves("v0")
    before = everything(shop.kubectl)
    shop.ships("v1")
    shop.rolls_out()
    rolled_out = everything(shop.kubectl)
    shop.has_release()
    at_rest = everything(shop.kubectl)
    assert changes(rolled_out, at_rest) == {"+ CanaryRelease/shop"}

    with shop.under_load():
        shop.ships("v2")
        shop.reaches("Promoting", weight=100)
        judged = shop.pods("v2")
        shop.reaches("Succeeded")
        assert shop.pods("v2") == judged

    assert shop.weights() == [20, 50, 100, 0]
    assert shop.pins() == ["any", "v1", "v2", "any"]
    shop.tells("Released", "Weight", "Weight", "Weight", "Promoted")
    assert shop.leftovers() == []
    promoted = everything(shop.kubectl)
    one_earlier = {change.replace("v1", "v0").replace("v2", "v1") for change in changes(at_rest, promoted)}
    assert one_earlier == changes(before, rolled_out)
    shop.deletes_release()
    assert changes(promoted, everything(shop.kubectl)) == {"- CanaryRelease/shop"}


@pytest.mark.long
def test_a_version_comes_back(shop: Shop) -> None:
    """Given the old version's empty ReplicaSet, the Deployment adopts the judged pods and does not revive that one."""
    shop.opens("v1")
    with shop.under_load():
        for version in ("v2", "v1"):
            shop.ships(version)
            shop.reaches("Promoting", weight=100)
            judged = shop.pods(version)
            shop.reaches("Succeeded")
            assert shop.pods(version) == judged
    shop.kubectl.until("both ends are told", lambda: shop.event_reasons().count("Promoted") >= 2)
    assert shop.event_reasons().count("Promoted") == 2
    assert "PodsReplaced" not in shop.event_reasons()
    assert shop.leftovers() == []


def test_a_pin_that_someone_moves_stays_where_it_is(shop: Shop) -> None:
    """Given a Service pinned to a hash without pods, every request would be lost."""
    shop.opens("v1", steps=HALF_WAY)
    with shop.under_load():
        shop.ships("v2")
        shop.reaches("Paused")
        shop.kubectl.patch("service", "shop", {"spec": {"selector": {"pod-template-hash": "nonsense"}}})
        shop.asks("approve")
        shop.reaches("Succeeded")
    assert shop.pins() == ["any", "v1", "v2", "any"]
    assert "TrafficDrift" not in shop.event_reasons()
