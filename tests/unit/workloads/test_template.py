"""When two pod templates are the same."""

import copy

from hypothesis import given
from hypothesis import strategies as st

from headgate.api.fields import Manifest
from headgate.workloads.template import identity_of, images_of, intent_of, revision_of

_RESTART = "kubectl.kubernetes.io/restartedAt"


def template(image: str = "registry.test/team/shop:1.4.0", **annotations: str) -> Manifest:
    metadata: Manifest = {"labels": {"app": "shop"}}
    if annotations:
        metadata["annotations"] = annotations
    return {"metadata": metadata, "spec": {"containers": [{"name": "shop", "image": image}]}}


def test_a_template_and_the_pods_made_from_it_are_the_same() -> None:
    made = template()
    made["metadata"]["labels"]["pod-template-hash"] = "6f9c"
    made["metadata"]["creationTimestamp"] = None
    assert identity_of(made) == identity_of(template())


def test_a_restart_changes_the_identity_but_not_the_intent() -> None:
    restarted = template(**{_RESTART: "2026-01-01T00:00:00Z"})
    assert identity_of(restarted) != identity_of(template())
    assert intent_of(restarted) == intent_of(template())


def test_any_other_annotation_is_a_new_version() -> None:
    assert intent_of(template(checksum="1")) != intent_of(template(checksum="2"))
    assert intent_of(template(checksum="1")) == intent_of(template(**{"checksum": "1", _RESTART: "now"}))


def test_the_image_makes_a_new_version() -> None:
    assert intent_of(template("shop:1")) != intent_of(template("shop:2"))


def test_reading_a_template_changes_nothing_in_it() -> None:
    original = template(**{_RESTART: "now"})
    before = copy.deepcopy(original)
    identity_of(original), intent_of(original), images_of(original)
    assert original == before


def test_images_are_named_without_their_registry() -> None:
    several = template()
    several["spec"]["containers"].append({"name": "proxy", "image": "proxy:2"})
    assert images_of(several) == "shop:1.4.0, proxy:2"
    assert images_of({"spec": {}}) == ""


@given(identity=st.text(min_size=1), release=st.uuids().map(str))
def test_a_revision_is_a_label_value_of_its_own(identity: str, release: str) -> None:
    revision = revision_of(identity, release)
    assert len(revision) == 10
    assert set(revision) <= set("bcdfghjklmnpqrstvwxz2456789")
    assert revision == revision_of(identity, release)
