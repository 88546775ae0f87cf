"""A changed pod template never rolls out by itself: the hold policy on a real API server, with no operator there."""

import pytest

from tests.cluster.admission.kubectl import (
    OPERATOR,
    Kubectl,
    Manifest,
    deployment,
    dry_run_is_held,
    hold,
    paused,
    release,
    service,
    updated_pods,
)

pytestmark = pytest.mark.cluster

NEW = deployment(image="shop:2")


def flux(kubectl: Kubectl, manifest: Manifest, *arguments: str) -> Manifest:
    """Forced server-side apply, as Flux does it."""
    return kubectl(
        "apply",
        "--server-side",
        "--force-conflicts",
        "--field-manager=flux",
        "-o",
        "json",
        *arguments,
        manifest=manifest,
    ).object


def template(**metadata: dict[str, str]) -> Manifest:
    """A change of the pod template's metadata."""
    return {"spec": {"template": {"metadata": metadata}}}


@pytest.mark.parametrize(
    "change",
    [
        template(labels={"tier": "web"}),
        template(annotations={"config-hash": "1"}),
        template(annotations={"config-hash": "1", "kubectl.kubernetes.io/restartedAt": "2026-01-31T12:00:00Z"}),
        {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "shop:2"}]}}}},
        {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 5}}, "replicas": 3}},
    ],
    ids=["label", "annotation", "annotation and restart", "image", "other field and replicas"],
)
def test_a_changed_template_is_paused_in_the_request_that_changes_it(shop: Kubectl, change: Manifest) -> None:
    assert paused(shop.patch("deployment", "shop", change))


@pytest.mark.parametrize(
    "change",
    [
        template(annotations={"kubectl.kubernetes.io/restartedAt": "2026-01-31T12:00:00Z"}),
        {"spec": {"replicas": 3}},
        {"metadata": {"labels": {"team": "a"}}},
        {"spec": {"minReadySeconds": 5}},
    ],
    ids=["restart", "replicas", "label of the deployment", "minReadySeconds"],
)
def test_what_is_no_new_template_is_not_paused(shop: Kubectl, change: Manifest) -> None:
    assert not paused(shop.patch("deployment", "shop", change))


def test_kubectl_rollout_restart_rolls_the_pods_as_ever(shop: Kubectl) -> None:
    before = shop("get", "replicasets", "-o", "name").output

    shop("rollout", "restart", "deployment/shop")

    shop.until("a second replica set", lambda: shop("get", "replicasets", "-o", "name").output != before)


def test_scaling_is_not_paused(shop: Kubectl) -> None:
    shop("scale", "deployment/shop", "--replicas=4")

    assert not paused(shop.get("deployment", "shop"))
    shop.until("four pods", lambda: updated_pods(shop) == 4)


def test_no_pod_of_a_held_template_is_made(shop: Kubectl) -> None:
    """The Deployment controller sees the new template and makes no ReplicaSet for it."""
    flux(shop, NEW)

    shop.until("the controller has seen it", lambda: updated_pods(shop) == 0)
    assert len(shop("get", "replicasets", "-o", "name").output.split()) == 1


def test_forced_server_side_apply_again_keeps_the_pause_and_nobody_owns_it(shop: Kubectl) -> None:
    """Given a held template, when Flux applies the same manifest again, then nothing changes."""
    flux(shop, NEW)

    again = flux(shop, NEW, "--show-managed-fields")

    assert paused(again)
    assert [entry["manager"] for entry in again["metadata"]["managedFields"] if "f:paused" in str(entry)] == []
    difference = shop.tried("diff", "--server-side", "--force-conflicts", "--field-manager=flux", manifest=NEW)
    assert (difference.code, difference.output) == (0, "")


def test_client_side_apply_again_keeps_the_pause(kubectl: Kubectl) -> None:
    """As above, the way Argo CD applies by default."""
    kubectl("apply", manifest=[deployment(), service(), release()])
    kubectl.until("a changed template is held", lambda: dry_run_is_held(kubectl))
    first = kubectl("apply", "-o", "json", manifest=NEW).object

    again = kubectl("apply", "-o", "json", manifest=NEW).object

    assert paused(first)
    assert paused(again)
    difference = kubectl.tried("diff", manifest=NEW)
    assert (difference.code, difference.output) == (0, "")


def test_a_full_update_without_the_field_keeps_the_pause(shop: Kubectl) -> None:
    """Given a held template that the Deployment controller has seen, when a tool puts the whole object, it stays."""
    flux(shop, NEW)
    shop.until("the controller has seen it", lambda: updated_pods(shop) == 0)

    assert paused(shop("replace", "-o", "json", manifest=NEW).object)


def test_a_template_of_a_megabyte_is_held(shop: Kubectl) -> None:
    """The policy's expressions have a cost limit, and past it an open policy would let the template go."""
    big = deployment()
    (main,) = big["spec"]["template"]["spec"]["containers"]
    main["env"] = [{"name": f"VARIABLE_{number}", "value": "x" * 1000} for number in range(900)]
    big["spec"]["template"]["metadata"]["annotations"] = {f"example.com/{number}": "x" * 500 for number in range(400)}
    assert paused(flux(shop, big))
    shop.by(OPERATOR).patch("deployment", "shop", {"spec": {"paused": False}})

    main["env"][-1]["value"] = "y"

    assert paused(flux(shop, big))


def test_a_person_cannot_resume_a_template_that_waits(shop: Kubectl) -> None:
    flux(shop, NEW)
    shop.until("the controller has seen it", lambda: updated_pods(shop) == 0)

    shop("rollout", "resume", "deployment/shop")

    assert paused(shop.get("deployment", "shop"))


def test_a_person_can_resume_what_a_person_paused(shop: Kubectl) -> None:
    shop("rollout", "pause", "deployment/shop")

    shop("rollout", "resume", "deployment/shop")

    assert not paused(shop.get("deployment", "shop"))


def test_what_a_release_holds_stays_paused(shop: Kubectl) -> None:
    """Given a paused Deployment whose present template serves, only status.held speaks for the pause."""
    shop("rollout", "pause", "deployment/shop")
    hold(shop, deployment=True)

    shop.until(
        "resuming changes nothing",
        lambda: paused(shop.patch("deployment", "shop", {"spec": {"paused": False}}, "--dry-run=server")),
    )

    assert paused(shop.patch("deployment", "shop", {"spec": {"paused": False}}))


def test_the_operator_releases_and_no_later_write_pauses_again(shop: Kubectl) -> None:
    """Given a status that is a moment old, the Deployment controller's own writes must not stop the rollout."""
    flux(shop, NEW)
    hold(shop, deployment=True)

    released = shop.by(OPERATOR).patch("deployment", "shop", {"spec": {"paused": False}})

    assert not paused(released)
    shop.until("the new template has pods", lambda: updated_pods(shop) > 0)
    assert not paused(shop.patch("deployment", "shop", {"metadata": {"labels": {"team": "a"}}}))


def test_a_suspended_release_holds_too(shop: Kubectl) -> None:
    shop.patch("crel", "shop", {"spec": {"suspend": True}})

    assert paused(flux(shop, NEW))


def test_a_new_deployment_rolls_out(kubectl: Kubectl) -> None:
    """The first template has nothing to be compared with."""
    kubectl("apply", manifest=[release(), service()])

    created = kubectl("apply", "-o", "json", manifest=deployment()).object

    assert not paused(created)


def test_other_deployments_are_left_alone(shop: Kubectl) -> None:
    """Given a second Deployment without a release, also one in another namespace of the same name."""
    shop("apply", manifest=deployment("cart"))

    assert not paused(flux(shop, deployment("cart", image="cart:2")))


def test_each_release_of_a_namespace_holds_its_own_deployment(shop: Kubectl) -> None:
    shop("apply", manifest=[deployment("cart"), service("cart"), release("cart")])

    shop.until("the second is held, too", lambda: dry_run_is_held(shop, "cart"))

    assert paused(flux(shop, deployment("cart", image="cart:2")))
    assert paused(flux(shop, NEW))


def test_without_its_release_a_deployment_is_free_again(shop: Kubectl) -> None:
    shop("delete", "crel", "shop")

    shop.until("changes pass", lambda: not dry_run_is_held(shop))

    assert not paused(flux(shop, NEW))
