"""GitOps tools apply the unchanged manifests over and over while a release moves: nothing flaps, nothing drifts."""

import threading

import pytest

from tests.e2e import manifests
from tests.e2e.manifests import HALF_WAY, Manifest
from tests.e2e.shop import Shop

pytestmark = pytest.mark.e2e

FLUX = ("--server-side", "--force-conflicts", "--field-manager=kustomize-controller")
ARGO_CD: tuple[str, ...] = ()
EVERY = 2.0


class Syncing(threading.Thread):
    """Applies what is in git every two seconds, and each fifth time asks for the difference."""

    def __init__(self, shop: Shop) -> None:
        super().__init__(daemon=True)
        self.git: list[Manifest] = []
        self.rounds = 0
        self.differences: list[str] = []
        self.errors: list[str] = []
        self._shop = shop
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(EVERY):
            self._round()

    def end(self) -> None:
        self._over.set()
        self.join()

    def _round(self) -> None:
        applied = self._shop.kubectl.tried("apply", *self._shop.tool, manifest=self.git)
        self.errors += [applied.error] if applied.code else []
        self.rounds += 1
        if self.rounds % 5 == 0:
            found = self._shop.kubectl.tried("diff", *self._shop.tool, manifest=self.git)
            self.differences += [found.output + found.error] if found.code else []


@pytest.mark.long
@pytest.mark.parametrize("tool", [FLUX, ARGO_CD], ids=["flux", "argo-cd"])
def test_applying_over_and_over_changes_nothing(shop: Shop, tool: tuple[str, ...]) -> None:
    shop.tool = tool
    shop.opens("v1", steps=HALF_WAY, bake="10s")
    syncing = Syncing(shop)
    fixed = [manifests.service(), manifests.ingress(shop.host), manifests.release(steps=HALF_WAY, bake="10s")]
    with shop.under_load():
        syncing.git = [manifests.deployment("v2"), *fixed]
        shop.changes(*syncing.git)
        syncing.start()
        shop.reaches("Paused")
        waited = syncing.rounds
        shop.releases.first(lambda _: syncing.rounds >= waited + 5, after=0, within=3 * 5 * EVERY)
        shop.asks("approve")
        shop.reaches("Succeeded")
        syncing.end()

    print(f"{shop.namespace}: applied {syncing.rounds} times")
    assert syncing.errors == []
    assert syncing.differences == []
    assert syncing.rounds >= 10
    assert shop.weights() == [50, 100, 0]
    assert shop.pins() == ["any", "v1", "v2", "any"]
    shop.tells("Released", "Weight", "Action", "Weight", "Promoted")
    assert shop.leftovers() == []
