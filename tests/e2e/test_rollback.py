"""A bad version is rolled back: its traffic goes in one write, its pods after it, and the old pods have never moved."""

from typing import Any

import pytest

from tests.e2e.audit import moment, write_at
from tests.e2e.manifests import ANALYSIS, LONG
from tests.e2e.shop import CANARY, Shop

pytestmark = pytest.mark.e2e

FAILING = {"ERROR_RATE": "0.05"}
SLOW = {"SLOW_RATE": "0.2", "SLOW_LATENCY": "400ms"}
FAST_ENOUGH = {"latency": {"below": "300ms", "objective": "99%"}}


@pytest.mark.parametrize(
    ("behaviour", "analysis", "named"),
    [(FAILING, {}, "errors"), (SLOW, FAST_ENOUGH, "latency")],
    ids=["errors", "slow"],
)
def test_a_bad_version_is_rolled_back(shop: Shop, behaviour: Any, analysis: Any, named: str) -> None:
    shop.opens("v1", steps=LONG, analysis={**ANALYSIS, **analysis})
    serving = shop.pods("v1")

    with shop.under_load(failing=["v2"] if behaviour is FAILING else []):
        shop.ships("v2", **behaviour)
        returning = shop.reaches("RollingBack")
        shop.reaches("RolledBack")

    assert shop.weights() == [50, 0]
    assert shop.pins() == ["any", "v1", "any"]
    shop.tells("Released", "Weight", "Bad", "RolledBack")
    assert {item["objective"] for item in returning["evidence"] if item["verdict"] == "Bad"} <= {named}
    assert shop.pods("v1") == serving
    assert shop.pods("v2") == set()
    assert shop.leftovers() == []
    assert shop.is_held(), "the bad template waits in the Deployment"
    _print_times(shop, returning)

    shop.ships("v1")
    shop.reaches("Idle")
    assert not shop.is_held()
    assert shop.pods("v1") == serving


def _print_times(shop: Shop, returning: Any) -> None:
    """How long the verdict took under this load, and how long the traffic was still led to the bad version after it."""
    raised, returned = (mark["at"] for mark in returning["progress"]["marks"])
    gone = write_at(shop.lab, "delete", "ingresses", shop.namespace, CANARY)
    print(f"{shop.namespace}: weight 50 to verdict {moment(returned) - moment(raised):.1f} s", end=", ")
    print(f"verdict to weight 0 {moment(gone) - moment(returned):.3f} s: {returning['evidence'][0]['message']}")
