"""What is kept of a busy cluster, which of two versions wins, and who is woken by a change."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.api.fields import Manifest
from headgate.api.spec import EntryRef
from headgate.cluster.client import ref_of
from headgate.cluster.kept import place_in
from headgate.cluster.projection import Key, Projection
from headgate.cluster.resources import DEPLOYMENTS, RELEASES, SERVICES, Resource
from headgate.release.decision import Ref
from tests.unit.cluster.manifests import (
    NAMESPACE,
    canary_release,
    deployment,
    endpoint_slice,
    ingress,
    replica_set,
    service,
)

SHOP, CART = Key(NAMESPACE, "shop"), Key(NAMESPACE, "cart")
SHOP_DEPLOYMENT = Ref("apps/v1", "Deployment", NAMESPACE, "shop")
SHOP_SERVICE = Ref("v1", "Service", NAMESPACE, "shop")


class Seen:
    """A projection and the releases it woke since they were last asked for."""

    def __init__(self) -> None:
        self._woken: set[Key] = set()
        self.projection = Projection(self._woken.add)

    def woken(self) -> set[str]:
        names = {key.name for key in self._woken}
        self._woken.clear()
        return names

    def list(self, resource: Resource, items: list[Manifest], version: int, namespace: str = "") -> None:
        listing = self.projection.listing(resource, namespace)
        listing.page(items)
        listing.end(str(version))


@pytest.fixture
def seen() -> Seen:
    """A projection that knows one release, shop, of Deployment, Service and Ingress shop, at version 10."""
    seen = Seen()
    seen.list(RELEASES, [canary_release("shop", 10, traffic={"ingress": "shop"})], 10)
    seen.woken()
    return seen


def test_an_object_that_no_release_names_leaves_no_trace(seen: Seen) -> None:
    for number in range(100):
        seen.projection.see(deployment(f"other-{number}", 20 + number))
        seen.projection.see(service(f"other-{number}", 200 + number))
        seen.projection.see(ingress(f"other-{number}", 400 + number))
    assert seen.woken() == set()
    assert seen.projection.deployment(NAMESPACE, "other-1") is None
    assert vars(seen.projection)["_kept"].keys() == {place_in(canary_release("shop"))}


@pytest.mark.parametrize(
    "manifest", [deployment("shop", 20), service("shop", 20), ingress("shop", 20)], ids=lambda m: m["kind"]
)
def test_a_change_of_what_a_release_names_wakes_that_release_alone(seen: Seen, manifest: Manifest) -> None:
    seen.projection.see(canary_release("cart", 11, target="cart"))
    seen.woken()
    seen.projection.see(manifest)
    assert seen.woken() == {"shop"}


@pytest.mark.parametrize(
    "manifest",
    [
        replica_set("shop-6f9c", 20, owner="shop"),
        service("shop-canary", 20, owner="shop"),
        ingress("shop-canary", 20, owner="shop"),
        endpoint_slice("shop-canary", 20, owner="shop", ready=("shop-6f9c-a",)),
    ],
    ids=lambda m: m["kind"],
)
def test_an_object_made_for_a_release_wakes_it_when_it_comes_changes_and_goes(seen: Seen, manifest: Manifest) -> None:
    seen.projection.see(manifest)
    assert seen.woken() == {"shop"}
    gone = {**manifest, "metadata": {**manifest["metadata"], "resourceVersion": "30"}}
    seen.projection.see(gone, gone=True)
    assert seen.woken() == {"shop"}
    assert (seen.projection.manifests(SHOP), seen.projection.replica_sets(SHOP)) == ([], [])


def test_an_event_that_brings_only_a_new_version_wakes_nobody(seen: Seen) -> None:
    """A touch of a Deployment's annotations, as many controllers do all day."""
    seen.projection.see(deployment("shop", 20))
    seen.woken()
    seen.projection.see(deployment("shop", 21, annotations={"touched": "again"}))
    assert seen.woken() == set()
    found = seen.projection.deployment(NAMESPACE, "shop")
    assert found is not None
    assert found.resource_version == "21"


def test_an_older_event_never_replaces_the_answer_of_our_own_write(seen: Seen) -> None:
    seen.projection.put(deployment("shop", 30, image="shop:3"))
    seen.woken()
    seen.projection.see(deployment("shop", 29, image="shop:2"))
    found = seen.projection.deployment(NAMESPACE, "shop")
    assert found is not None
    assert found.images == "shop:3"
    assert seen.woken() == set()


def test_the_event_of_our_own_status_write_wakes_nobody(seen: Seen) -> None:
    written = canary_release("shop", 11, traffic={"ingress": "shop"}, status={"message": "5 % to shop:2"})
    seen.projection.put(written)
    seen.projection.see(written)
    assert seen.woken() == set()
    release = seen.projection.release(SHOP)
    assert release is not None
    assert release.status.message == "5 % to shop:2"


def test_a_change_of_the_spec_that_came_with_the_answer_of_our_status_write_wakes_the_release(seen: Seen) -> None:
    """Given a person edits the spec just before our write, then the answer has both, and its event is old news."""
    answer = canary_release("shop", 12, traffic={"ingress": "shop"}, spec={"suspend": True}, status={"message": "x"})
    seen.projection.put(answer)
    assert seen.woken() == {"shop"}


def test_an_annotation_that_asks_for_an_action_wakes_the_release(seen: Seen) -> None:
    seen.projection.see(
        canary_release("shop", 11, traffic={"ingress": "shop"}, annotations={"headgate.dev/action": "abort"})
    )
    assert seen.woken() == {"shop"}


def test_what_a_relist_does_not_hold_is_forgotten(seen: Seen) -> None:
    """Kopf reports no deletion that fell into a gap of its watch: the list that follows tells of it."""
    seen.projection.see(deployment("shop", 20))
    seen.projection.see(service("shop", 21))
    seen.woken()
    seen.list(DEPLOYMENTS, [], 40)
    assert seen.projection.deployment(NAMESPACE, "shop") is None
    assert seen.projection.service(NAMESPACE, "shop") is not None
    assert seen.woken() == {"shop"}


def test_a_release_that_a_relist_does_not_hold_is_forgotten_and_woken_once_more(seen: Seen) -> None:
    """The wake lets the loop drop what it remembers of it."""
    seen.list(RELEASES, [], 40)
    assert seen.projection.release(SHOP) is None
    assert seen.projection.releases() == []
    assert seen.woken() == {"shop"}


def test_a_relist_keeps_what_was_made_after_it(seen: Seen) -> None:
    """Given a list is read at version 40 and we create the candidate's Service at 41, then the list's end keeps it."""
    listing = seen.projection.listing(SERVICES, "")
    seen.projection.put(service("shop-canary", 41, owner="shop"))
    listing.page([service("shop", 20)])
    listing.end("40")
    assert [item["metadata"]["name"] for item in seen.projection.manifests(SHOP)] == ["shop-canary"]


def test_a_relist_of_one_namespace_says_nothing_about_another(seen: Seen) -> None:
    seen.projection.see(deployment("shop", 20))
    seen.list(DEPLOYMENTS, [], 40, namespace="test")
    assert seen.projection.deployment(NAMESPACE, "shop") is not None


def test_a_ghost_is_not_brought_back_by_an_event_from_before_the_relist(seen: Seen) -> None:
    seen.projection.see(deployment("shop", 20))
    seen.list(DEPLOYMENTS, [], 40)
    seen.projection.see(deployment("shop", 21))
    assert seen.projection.deployment(NAMESPACE, "shop") is None


def test_the_late_answer_of_a_write_does_not_bring_back_what_was_deleted_since(seen: Seen) -> None:
    seen.projection.see(service("shop", 20))
    seen.projection.see(service("shop", 22), gone=True)
    seen.projection.put(service("shop", 21))
    assert seen.projection.service(NAMESPACE, "shop") is None
    seen.projection.see(service("shop", 30, uid="another"))
    assert seen.projection.service(NAMESPACE, "shop") is not None


def test_a_candidate_that_was_adopted_is_no_longer_ours_even_if_an_older_event_comes_late(seen: Seen) -> None:
    seen.projection.see(replica_set("shop-6f9c", 20, owner="shop"))
    seen.projection.put(replica_set("shop-6f9c", 22))
    assert seen.projection.replica_sets(SHOP) == []
    seen.projection.see(replica_set("shop-6f9c", 21, owner="shop"))
    assert seen.projection.replica_sets(SHOP) == []


def test_what_a_release_names_and_nothing_has_told_of_is_unknown_until_it_is_looked_up(seen: Seen) -> None:
    """At rest the projection keeps nothing of other Deployments, so a new release's target must be asked for once."""
    assert [ref.kind for ref in seen.projection.unknown(SHOP)] == ["Deployment", "Service", "Ingress"]
    seen.projection.put(deployment("shop", 5))
    seen.projection.absent(SHOP_SERVICE)
    assert [ref.kind for ref in seen.projection.unknown(SHOP)] == ["Ingress"]
    seen.projection.see(service("shop", 30))
    assert seen.projection.service(NAMESPACE, "shop") is not None


def test_a_list_taken_in_after_the_release_is_known_answers_for_all_it_covers(seen: Seen) -> None:
    seen.list(DEPLOYMENTS, [], 40)
    assert SHOP_DEPLOYMENT not in seen.projection.unknown(SHOP)


def test_a_list_that_began_before_a_release_named_its_target_answers_nothing() -> None:
    """The first page may have held the target and was thrown away."""
    seen = Seen()
    listing = seen.projection.listing(DEPLOYMENTS, "")
    listing.page([deployment("shop", 5)])
    seen.projection.see(canary_release("shop", 10))
    listing.end("9")
    assert SHOP_DEPLOYMENT in seen.projection.unknown(SHOP)


def test_a_release_that_names_another_target_forgets_the_old_one(seen: Seen) -> None:
    seen.projection.see(deployment("shop", 20))
    seen.projection.see(canary_release("shop", 21, target="cart"))
    assert seen.projection.deployment(NAMESPACE, "shop") is None
    assert {ref.name for ref in seen.projection.unknown(SHOP)} == {"cart"}
    seen.woken()
    seen.projection.see(deployment("shop", 22))
    assert seen.woken() == set()


def test_of_two_releases_on_one_deployment_the_younger_has_a_rival_and_is_woken_when_that_goes(seen: Seen) -> None:
    seen.projection.see(canary_release("cart", 11, target="shop", created="2026-02-01T00:00:00Z"))
    assert seen.woken() == {"shop", "cart"}
    assert (seen.projection.rivals(CART), seen.projection.rivals(SHOP)) == (["shop"], [])
    seen.projection.see(canary_release("shop", 12), gone=True)
    assert seen.woken() == {"shop", "cart"}
    assert seen.projection.rivals(CART) == []


def test_releases_that_share_only_an_ingress_are_no_rivals(seen: Seen) -> None:
    seen.projection.see(canary_release("cart", 11, target="cart", traffic={"ingress": "shop"}))
    assert (seen.projection.rivals(CART), seen.projection.rivals(SHOP)) == ([], [])


def test_a_release_whose_spec_cannot_be_read_is_known_and_names_nothing() -> None:
    seen = Seen()
    seen.projection.see(
        canary_release("shop", 10, spec={"targetRef": {"kind": "StatefulSet", "name": "x"}, "steps": "no"})
    )
    release = seen.projection.release(SHOP)
    assert release is not None
    assert release.problem
    assert seen.projection.unknown(SHOP) == []
    assert seen.woken() == {"shop"}


def test_manifests_are_kept_without_what_no_decision_reads(seen: Seen) -> None:
    noisy = ingress("shop", 20, annotations={"kubectl.kubernetes.io/last-applied-configuration": "{}", "mine": "yes"})
    noisy["metadata"]["managedFields"] = [{"manager": "kubectl"}]
    seen.projection.see(noisy)
    found = seen.projection.entry(NAMESPACE, EntryRef(kind="Ingress", name="shop"))
    assert found is not None
    assert found["metadata"]["annotations"] == {"mine": "yes"}
    assert "managedFields" not in found["metadata"]
    assert found["metadata"]["resourceVersion"] == "20"


LABEL = {"headgate.dev/release": "shop"}
DEPLOYED = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop", "uid": "d", "controller": True}


@pytest.mark.parametrize(
    "manifest",
    [
        service("shop", 20, labels=LABEL),
        service("cart", 20, labels=LABEL),
        ingress("shop", 20, labels=LABEL),
        replica_set("shop-6f9c", 20, labels=LABEL, ownerReferences=[DEPLOYED]),
        service("cart", 20, labels=LABEL, managedFields=[{"manager": "headgate", "operation": "Update"}]),
        service("cart", 20, labels=LABEL, managedFields=[{"manager": "kubectl", "operation": "Apply"}]),
    ],
    ids=["its service", "another service", "its ingress", "the deployment's pods", "we pinned it", "they applied it"],
)
def test_an_object_of_the_users_is_never_ours_for_a_label(seen: Seen, manifest: Manifest) -> None:
    """What is ours is overwritten and deleted; a label is put by anyone, and by tools on everything."""
    seen.projection.see(manifest)
    assert (seen.projection.manifests(SHOP), seen.projection.replica_sets(SHOP)) == ([], [])
    assert not seen.projection.made(ref_of(manifest))


@pytest.mark.parametrize("owners", [[], [DEPLOYED]], ids=["nobody's", "adopted"])
def test_what_an_orphaning_deletion_leaves_is_still_ours(seen: Seen, owners: list[Manifest]) -> None:
    """Given `kubectl delete --cascade=orphan` in mid-release, the traffic must return and the candidate go too.

    The Deployment adopts a ReplicaSet that is nobody's at once.
    """
    applied = [{"manager": "x", "operation": "Update"}, {"manager": "headgate", "operation": "Apply"}]
    seen.projection.see(replica_set("shop-6f9c", 20, labels=LABEL, ownerReferences=owners, managedFields=applied))
    assert [item.name for item in seen.projection.replica_sets(SHOP)] == ["shop-6f9c"]


def test_an_object_of_ours_that_lost_its_label_counts_as_missing_so_that_it_is_applied_again(seen: Seen) -> None:
    """The label of a Service goes to its EndpointSlices, and these are watched by it."""
    seen.projection.see(service("shop-canary", 20, owner="shop"))
    seen.woken()
    seen.projection.see(service("shop-canary", 21, owner="shop", labels={}))
    assert seen.projection.manifests(SHOP) == []
    assert seen.woken() == {"shop"}


Change = Callable[[Projection], None]


@given(
    changes=st.lists(
        st.tuples(st.integers(1, 60), st.sampled_from(["see", "put", "gone"]), st.sampled_from(["shop:1", "shop:2"])),
        max_size=25,
    )
)
def test_in_whatever_order_news_comes_the_newest_version_is_what_counts(changes: list[tuple[int, str, str]]) -> None:
    """Each version of the object has one content; a version that is a deletion stays one."""
    meaning = {version: (what, image) for version, what, image in changes}
    projection = Projection(lambda _: None)
    projection.see(canary_release("shop", 1))
    for version, _, _ in changes:
        what, image = meaning[version]
        manifest = deployment("shop", version, image=image)
        if what == "put":
            projection.put(manifest)
        else:
            projection.see(manifest, gone=what == "gone")
    found = projection.deployment(NAMESPACE, "shop")
    newest = meaning[max(meaning)] if meaning else ("gone", "")
    assert (found.images if found else None) == (None if newest[0] == "gone" else newest[1])
