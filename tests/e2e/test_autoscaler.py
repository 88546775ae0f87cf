"""A HorizontalPodAutoscaler during a release: it may not shrink an idle stable, and has its own behavior back after."""

import json
from typing import Any

import pytest

from tests.cluster.shell.operator_process import until
from tests.e2e import manifests
from tests.e2e.manifests import HALF_WAY
from tests.e2e.shop import Shop

pytestmark = pytest.mark.e2e

OWN = {
    "scaleDown": {"stabilizationWindowSeconds": 60, "policies": [{"type": "Pods", "value": 1, "periodSeconds": 30}]},
    "scaleUp": {"selectPolicy": "Min", "policies": [{"type": "Percent", "value": 50, "periodSeconds": 15}]},
}


def spec_of(shop: Shop) -> dict[str, Any]:
    """The autoscaler's spec as it is now."""
    spec: dict[str, Any] = shop.kubectl.get("hpa", "shop")["spec"]
    return spec


def replicas_of(shop: Shop) -> int:
    return int(shop.kubectl.get("deployment", "shop")["spec"]["replicas"])


@pytest.mark.parametrize("behavior", [None, OWN], ids=["no-behavior", "own-behavior"])
def test_scale_down_is_held_and_given_back(shop: Shop, behavior: dict[str, Any] | None) -> None:
    shop.opens("v1", steps=HALF_WAY)
    shop.apply(manifests.autoscaler(behavior))
    before = json.dumps(spec_of(shop))
    with shop.under_load():
        shop.ships("v2")
        shop.reaches("Paused")
        assert spec_of(shop)["behavior"]["scaleDown"]["selectPolicy"] == "Disabled"
        shop.asks("approve")
        shop.reaches("Succeeded")
    assert json.dumps(spec_of(shop)) == before
    assert shop.leftovers() == []


def test_scaling_goes_on_in_mid_release(shop: Shop) -> None:
    """First by hand, then by the autoscaler, whose lower bound is raised."""
    shop.opens("v1", steps=HALF_WAY)
    shop.apply(manifests.autoscaler())
    with shop.under_load():
        shop.ships("v2")
        shop.reaches("Paused")
        shop.kubectl("scale", "deployment/shop", "--replicas=3")
        until("stable has 3 pods", lambda: len(shop.pods("v1")) == 3)
        shop.kubectl.patch("hpa", "shop", {"spec": {"minReplicas": 4}})
        until("the autoscaler asks for 4 pods", lambda: replicas_of(shop) == 4, seconds=60)
        until("stable has 4 pods", lambda: len(shop.pods("v1")) == 4)
        shop.asks("approve")
        shop.reaches("Promoting", weight=100)
        assert len(shop.pods("v2")) == 4
        shop.reaches("Succeeded")
        assert len(shop.pods("v2")) == 4
    after = spec_of(shop)
    assert (after["minReplicas"], "behavior" in after) == (4, False)
