"""What ends or restarts a release half-way: an abort, a revert, the deletion of the release, a newer version."""

import pytest

from tests.e2e.manifests import HALF_WAY
from tests.e2e.shop import Shop
from tests.e2e.traffic import Traffic

pytestmark = pytest.mark.e2e


def goes_half_way(shop: Shop, traffic: Traffic) -> None:
    """Half of the customers are served by v2, and it waits for an approval."""
    shop.ships("v2")
    shop.reaches("Paused", weight=50)
    traffic.until("v2 serves customers", lambda totals: totals.of("v2") > 100)


def test_an_abort_returns_the_traffic(shop: Shop) -> None:
    shop.opens("v1", steps=HALF_WAY)
    serving = shop.pods("v1")
    with shop.under_load() as traffic:
        goes_half_way(shop, traffic)
        shop.asks("abort")
        status = shop.reaches("RolledBack")
    assert status["action"] | {"at": ""} == {
        "name": "abort", "by": "admin", "answer": "traffic goes back to stable", "at": "",
    }  # fmt: skip
    assert "aborted by admin" in status["message"]
    assert shop.weights() == [50, 0]
    assert shop.pods("v1") == serving
    assert shop.leftovers() == []


def test_a_git_revert_ends_the_release(shop: Shop) -> None:
    """The template that serves is back in the Deployment: nothing new is started, and the Deployment is let go."""
    shop.opens("v1", steps=HALF_WAY)
    serving = shop.pods("v1")
    with shop.under_load() as traffic:
        goes_half_way(shop, traffic)
        shop.ships("v1")
        shop.reaches("Idle")
    shop.tells("Released", "Weight", "Reverting", "Reverted")
    assert shop.weights() == [50, 0]
    assert not shop.is_held()
    assert shop.pods("v1") == serving
    assert shop.leftovers() == []


@pytest.mark.parametrize("stage", ["Step", "Bake"])
def test_a_deleted_release_returns_the_traffic_first(shop: Shop, stage: str) -> None:
    """The Deployment stays paused: what it holds was not released."""
    shop.opens("v1", steps=HALF_WAY, bake="1m")
    serving = shop.pods("v1")
    with shop.under_load() as traffic:
        goes_half_way(shop, traffic)
        if stage == "Bake":
            shop.asks("approve")
            shop.reaches("Promoting", stage="Bake")
        shop.deletes_release()
        assert shop.leftovers() == []
    assert shop.pods("v1") == serving
    assert shop.pods("v2") == set()
    assert shop.is_held()
    shop.kubectl.until("the deletion is told", lambda: shop.event_reasons()[-1] == "Deleting")


def test_a_newer_version_starts_again_from_step_1(shop: Shop) -> None:
    """With weight 0 first: no customer of v2 becomes one of v3."""
    shop.opens("v1", steps=HALF_WAY)
    serving = shop.pods("v1")
    with shop.under_load() as traffic:
        goes_half_way(shop, traffic)
        shop.ships("v3")
        shop.reaches("RollingBack", weight=0)
        shop.reaches("Progressing", weight=0, step=1, image="shop:v3")
        assert shop.pods("v1") == serving
        shop.reaches("Paused", weight=50, image="shop:v3")
        shop.asks("approve")
        shop.reaches("Succeeded")
    assert shop.weights() == [50, 0, 50, 100, 0]
    assert shop.pins() == ["any", "v1", "any", "v1", "v3", "any"]
    assert [record["outcome"] for record in shop.release()["status"]["history"]] == ["Promoted", "Superseded"]
    assert shop.leftovers() == []
