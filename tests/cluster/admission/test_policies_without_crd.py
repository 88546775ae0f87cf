"""Headgate's policies take nothing down: a cluster whose CRD is deleted goes on, also after the API server restarts."""

import re
from collections.abc import Iterator

import pytest

from lab.handle import Lab
from tests.cluster.admission.kubectl import (
    OPERATOR,
    Kubectl,
    deployment,
    dry_run_is_held,
    hold,
    paused,
    release,
    service,
)
from tests.cluster.api_server import ROOT

pytestmark = pytest.mark.cluster


@pytest.fixture
def without_crd(shop: Kubectl) -> Iterator[Kubectl]:
    """A namespace whose CanaryRelease went with the CRD, under policies that are still there."""
    shop("delete", "crd", "canaryreleases.headgate.dev")
    yield shop
    shop("apply", "--server-side", "--force-conflicts", "--field-manager=helm", f"--filename={ROOT}/crds")
    shop("wait", "--for=condition=Established", "crd/canaryreleases.headgate.dev")
    shop.until("releases can be made", lambda: shop.tried("apply", manifest=release()).code == 0)
    shop.until("a changed template is held", lambda: dry_run_is_held(shop))


def test_writes_pass_when_the_crd_is_gone(without_crd: Kubectl, lab: Lab) -> None:
    """Given policies whose parameter kind is unknown, a new API server must not refuse what they match."""
    without_crd.until("templates are free", lambda: not dry_run_is_held(without_crd))

    lab.stop("kube-apiserver")
    lab.start("kube-apiserver")

    changed = without_crd(
        "apply", "--server-side", "--force-conflicts", "-o", "json", manifest=deployment(image="shop:2")
    )
    assert not paused(changed.object)
    without_crd("apply", "--server-side", "--force-conflicts", manifest=service())
    without_crd("apply", manifest=[deployment("cart"), service("cart")])


def test_no_expression_of_an_open_policy_ever_failed(shop: Kubectl) -> None:
    """An open policy hides its errors, so they are counted: the API server's own metrics tell of each evaluation."""
    shop.patch("deployment", "shop", {"spec": {"replicas": 3}})
    hold(shop, service="shop", podTemplateHash="stable")
    shop.by(OPERATOR).patch("service", "shop", {"spec": {"selector": {"pod-template-hash": "stable"}}})
    shop("apply", "--server-side", "--force-conflicts", manifest=service())

    metrics = shop("get", "--raw", "/metrics").output

    for policy in ("hold", "pin"):
        counters = re.findall(rf'policy_check_total{{error_type="(\w+)",policy="[^"]*headgate-{policy}"', metrics)
        assert counters == ["no_error"]
