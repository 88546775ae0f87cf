"""Who asked for an action: the actor policy on a real API server."""

import pytest

from tests.cluster.admission.kubectl import OPERATOR, Kubectl, Manifest, release

pytestmark = pytest.mark.cluster

ACTION, ACTOR = "headgate.dev/action", "headgate.dev/action-by"


def annotated(**annotations: str | None) -> Manifest:
    """A change of the annotations action and action_by."""
    names = {"action": ACTION, "action_by": ACTOR, "note": "example.com/note"}
    return {"metadata": {"annotations": {names[name]: value for name, value in annotations.items()}}}


def actor(found: Manifest) -> str | None:
    """Who is said to have asked."""
    return (found["metadata"].get("annotations") or {}).get(ACTOR)


@pytest.fixture
def people(shop: Kubectl) -> Kubectl:
    """A namespace where alice and bob may do everything."""
    for person in ("alice", "bob"):
        shop("create", "rolebinding", person, "--clusterrole=cluster-admin", f"--user={person}")
    return shop


def test_the_user_of_the_request_is_stamped(people: Kubectl) -> None:
    assert actor(people.by("alice").patch("crel", "shop", annotated(action="abort"))) == "alice"


def test_a_name_forged_in_the_same_request_is_replaced(people: Kubectl) -> None:
    assert actor(people.by("alice").patch("crel", "shop", annotated(action="abort", action_by="bob"))) == "alice"


@pytest.mark.parametrize("forged", ["bob", "", None])
def test_a_name_forged_later_is_put_back(people: Kubectl, forged: str | None) -> None:
    people.by("alice").patch("crel", "shop", annotated(action="abort"))

    assert actor(people.by("bob").patch("crel", "shop", annotated(action_by=forged))) == "alice"


def test_a_name_without_an_action_is_taken_away(people: Kubectl) -> None:
    assert actor(people.by("alice").patch("crel", "shop", annotated(action_by="bob"))) is None


def test_the_same_action_again_stays_with_who_asked_first(people: Kubectl) -> None:
    people.by("alice").patch("crel", "shop", annotated(action="abort"))

    assert actor(people.by("bob").patch("crel", "shop", annotated(action="abort", note="me too"))) == "alice"


def test_another_action_has_another_actor(people: Kubectl) -> None:
    people.by("alice").patch("crel", "shop", annotated(action="abort"))

    assert actor(people.by("bob").patch("crel", "shop", annotated(action="retry"))) == "bob"


def test_the_answered_action_takes_the_name_along(people: Kubectl) -> None:
    people.by("alice").patch("crel", "shop", annotated(action="abort"))

    answered = people.by(OPERATOR).patch("crel", "shop", annotated(action=None))

    assert actor(answered) is None


def test_an_action_of_a_new_release_is_stamped_too(people: Kubectl) -> None:
    manifest = release("cart")
    manifest["metadata"]["annotations"] = {ACTION: "pause", ACTOR: "bob"}

    assert actor(people.by("alice")("create", "-o", "json", manifest=manifest).object) == "alice"


def test_the_status_endpoint_is_no_way_around(people: Kubectl) -> None:
    people.by("alice").patch("crel", "shop", annotated(action="abort"))

    people.by("bob").patch("crel", "shop", annotated(action_by="bob"), "--subresource=status")

    assert actor(people.get("crel", "shop")) == "alice"
