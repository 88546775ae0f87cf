"""Each version of the status, as Flux and Argo CD read it, through all the phases that a release can be in."""

import json

import pytest

from tests.e2e.health import CONTRACT, argocd, breaches, kstatus
from tests.e2e.manifests import HALF_WAY, release, service
from tests.e2e.shop import Shop
from tests.e2e.suite import Suite

pytestmark = pytest.mark.e2e


def test_gitops_tools_read_every_phase_as_the_contract_says(shop: Shop) -> None:
    """A good version, a bad one, an edit, a missing Service: no version of the status may be read otherwise."""
    shop.opens("v1", steps=HALF_WAY)
    with shop.under_load():
        shop.ships("v2")
        shop.reaches("Paused")
        shop.asks("approve")
        shop.reaches("Succeeded")
        shop.ships("v3")
        shop.reaches("Paused")
        shop.asks("abort")
        shop.reaches("RolledBack")
        shop.ships("v2")
        shop.reaches("Idle")
        shop.edits_release(bake="3s")
        shop.reaches("Idle")
    shop.kubectl("delete", "service", "shop")
    assert shop.reaches("Stalled")["message"] == (
        f"service shop not found in namespace {shop.namespace}: create it, or set spec.traffic.service"
    )
    shop.changes(service())
    shop.reaches("Idle")

    seen = [one for one in shop.releases.objects() if "phase" in one["status"]]
    assert {one["status"]["phase"] for one in seen} == CONTRACT.keys()
    assert breaches(shop.lab, seen) == []


def test_a_release_that_headgate_has_not_seen_is_in_progress(suite: Suite) -> None:
    manifest = {**release(), "metadata": {"name": "shop", "namespace": "default"}}
    created = json.loads(
        suite.lab.kubectl("create", "--dry-run=server", "-o", "json", "-f", "-", stdin=json.dumps(manifest))
    )

    assert (argocd(suite.lab, created), kstatus(suite.lab, created)) == ("Progressing", "InProgress")
