"""The selector of a Service stays pinned while a release holds it: the pin policy on a real API server."""

import pytest

from tests.cluster.admission.kubectl import OPERATOR, Kubectl, Manifest, hold, service

pytestmark = pytest.mark.cluster

PIN = {"spec": {"selector": {"pod-template-hash": "stable"}}}


@pytest.fixture
def pinned(shop: Kubectl) -> Kubectl:
    """A namespace whose Service `shop` the operator has pinned, with the policy seen to act."""
    hold(shop, service="shop", podTemplateHash="stable")
    shop.by(OPERATOR).patch("service", "shop", PIN)
    shop.until("an unpinning dry run stays pinned", lambda: pin(flux(shop, "--dry-run=server")) == "stable")
    return shop


def pin(found: Manifest) -> str | None:
    """The hash in a Service's selector."""
    selector: dict[str, str] = found["spec"]["selector"]
    return selector.get("pod-template-hash")


def flux(kubectl: Kubectl, *arguments: str) -> Manifest:
    """Forced server-side apply of the user's own manifest, which has no pin and owns the whole selector."""
    return kubectl(
        "apply", "--server-side", "--force-conflicts", "--field-manager=flux", "-o", "json", *arguments,
        manifest=service(),
    ).object  # fmt: skip


def test_forced_server_side_apply_keeps_the_pin_and_sees_no_difference(pinned: Kubectl) -> None:
    assert pin(flux(pinned)) == "stable"
    assert pin(flux(pinned)) == "stable"

    difference = pinned.tried("diff", "--server-side", "--force-conflicts", "--field-manager=flux", manifest=service())
    assert (difference.code, difference.output) == (0, "")


def test_client_side_apply_keeps_the_pin_and_sees_no_difference(kubectl: Kubectl, shop: Kubectl) -> None:
    """Given a Service that was made by client-side apply, as Argo CD does by default."""
    shop("delete", "service", "shop")
    shop("apply", manifest=service())
    hold(shop, service="shop", podTemplateHash="stable")
    shop.by(OPERATOR).patch("service", "shop", PIN)
    unpin = {"spec": {"selector": {"pod-template-hash": None}}}
    shop.until("the pin holds", lambda: pin(kubectl.patch("service", "shop", unpin, "--dry-run=server")) == "stable")

    assert pin(kubectl("apply", "-o", "json", manifest=service()).object) == "stable"

    difference = kubectl.tried("diff", manifest=service())
    assert (difference.code, difference.output) == (0, "")


def test_a_full_update_without_the_pin_keeps_it(pinned: Kubectl) -> None:
    assert pin(pinned("replace", "-o", "json", manifest=service()).object) == "stable"


def test_nobody_but_the_operator_moves_or_takes_the_pin(pinned: Kubectl) -> None:
    for wanted in ("another", None):
        change = {"spec": {"selector": {"pod-template-hash": wanted}}}
        assert pin(pinned.patch("service", "shop", change)) == "stable"
        assert pin(pinned.by(OPERATOR).patch("service", "shop", change, "--dry-run=server")) == wanted


def test_the_users_own_change_of_the_selector_passes(pinned: Kubectl) -> None:
    changed = pinned.patch("service", "shop", {"spec": {"selector": {"tier": "web"}}})

    assert changed["spec"]["selector"] == {"app": "shop", "tier": "web", "pod-template-hash": "stable"}


def test_a_service_made_anew_in_mid_release_is_pinned_from_the_start(pinned: Kubectl) -> None:
    pinned("delete", "service", "shop")

    assert pin(pinned("create", "-o", "json", manifest=service()).object) == "stable"


def test_a_released_pin_does_not_come_back(pinned: Kubectl) -> None:
    """Given a status that still tells of the pin, when the operator has taken it away, no write brings it back."""
    pinned.by(OPERATOR).patch("service", "shop", {"spec": {"selector": {"pod-template-hash": None}}})

    assert pin(flux(pinned)) is None


def test_a_pin_that_no_release_holds_is_the_users_own(pinned: Kubectl) -> None:
    hold(pinned, service=None, podTemplateHash=None)

    pinned.until("the pin can be taken away", lambda: pin(flux(pinned, "--dry-run=server")) is None)

    assert pin(flux(pinned)) is None


def test_other_services_are_left_alone(pinned: Kubectl) -> None:
    headless = {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "outside"},
        "spec": {"type": "ExternalName", "externalName": "example.com"},
    }  # fmt: skip

    created = pinned("create", "-o", "json", manifest=service("cart")).object
    pinned("create", manifest=headless)

    assert pin(created) is None
