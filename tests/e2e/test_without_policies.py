"""Without admission policies, as below Kubernetes 1.36, and where they do not act, as while an API server starts."""

from pathlib import Path

import pytest

from tests.cluster.admission.kubectl import dry_run_is_held
from tests.e2e import manifests
from tests.e2e.manifests import HALF_WAY, LONG
from tests.e2e.suite import Install

pytestmark = pytest.mark.e2e


def test_a_release_without_policies(install: Install, tmp_path: Path) -> None:
    """In the middle of it, someone applies the Service's own manifest, without the pin."""
    shop, headgate = install(replicas=0, admission={"enabled": False})
    shop.policies = False
    with headgate.operator(tmp_path) as operator:
        shop.operator_log = operator.log
        operator.leads()
        shop.opens("v1", steps=HALF_WAY)
        shop.kubectl.until("the Deployment rests paused", shop.is_held)
        with shop.under_load() as traffic:
            shop.ships("v2")
            shop.reaches("Paused")
            shop.apply(manifests.service())
            shop.kubectl.until("the pin is back", lambda: shop.pins()[-1] == "v1")
            before = traffic.totals().sent
            traffic.until("customers come and go", lambda totals: totals.sent > before + 200)
            shop.asks("approve")
            shop.reaches("Succeeded")
        shop.kubectl.until("the Deployment rests paused again", shop.is_held)
    assert shop.pins() == ["any", "v1", "any", "v1", "v2", "any"]
    assert shop.event_reasons().count("TrafficDrift") == 1


def test_a_template_that_gets_past_the_policies_is_held_and_judged(install: Install, tmp_path: Path) -> None:
    shop, headgate = install(replicas=0)
    with headgate.operator(tmp_path) as operator:
        shop.operator_log = operator.log
        operator.leads()
        shop.opens("v1", steps=LONG)
        serving = shop.pods("v1")
        headgate.forget_policy("hold")
        shop.kubectl.until("the policy does not act", lambda: not dry_run_is_held(shop.kubectl))
        with shop.under_load(failing=["v2"]):
            shop.ships("v2", ERROR_RATE="0.05")
            shop.reaches("RolledBack")
        shop.tells("Released", "Weight", "Bad", "RolledBack")
        assert (shop.pods("v1"), shop.pods("v2")) == (serving, set())
        shop.ships("v1")
        shop.reaches("Idle")
    assert shop.pods("v1") == serving
    assert shop.leftovers() == []
