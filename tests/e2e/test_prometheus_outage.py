"""A Prometheus that is gone for two minutes: the release holds, says so, and goes on when it is back."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.health import argocd, kstatus
from tests.e2e.manifests import ANALYSIS, Manifest
from tests.e2e.prometheus import OwnPrometheus
from tests.e2e.shop import Shop
from tests.e2e.suite import Suite

pytestmark = pytest.mark.e2e

OUTAGE = 120.0


@pytest.fixture
def prometheus(suite: Suite, tmp_path: Path) -> Iterator[OwnPrometheus]:
    """A Prometheus for this test alone."""
    own = OwnPrometheus(suite.lab, tmp_path, "other")
    own.start()
    yield own
    own.stop()


@pytest.mark.long
def test_a_release_holds_while_prometheus_is_gone(shop: Shop, prometheus: OwnPrometheus) -> None:
    steps = [{"setWeight": 50, "hold": {"min": "10s", "advance": "WhenNotBad"}}]
    shop.opens("v1", steps=steps, analysis={**ANALYSIS, "prometheus": "other"})
    with shop.under_load():
        shop.ships("v2")
        shop.reaches("Progressing", weight=50)
        prometheus.stop()
        status = shop.reaches("Progressing", reason="NoMetrics")
        assert "Prometheus other (" in status["message"]
        assert "refused the connection: is it running?; weights stay as they are" in status["message"]
        assert (kstatus(shop.lab, shop.release()), argocd(shop.lab, shop.release())) == ("InProgress", "Progressing")

        moved = shop.releases.first(lambda one: not holding(one.object["status"]), after=shop.changed_at, within=OUTAGE)
        assert moved is None, f"it moved without metrics: {shop.summary()}"

        prometheus.start()
        shop.reaches("Succeeded")
    assert shop.weights() == [50, 100, 0]
    shop.tells("Released", "Weight", "Weight", "Promoted")


def holding(status: Manifest) -> bool:
    """Whether a release stays where it is, in progress."""
    return (status["phase"], status["weights"]["candidate"]) == ("Progressing", 50)
