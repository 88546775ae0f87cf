"""A release does nothing for its author that he could not do himself: the rights policy on a real API server."""

import json
from copy import deepcopy

import pytest

from tests.cluster.admission.kubectl import Kubectl, Manifest, release

pytestmark = pytest.mark.cluster

RELEASES = {"apiGroups": ["headgate.dev"], "resources": ["canaryreleases"], "verbs": ["*"]}
PATCH_DEPLOYMENT = {"apiGroups": ["apps"], "resources": ["deployments"], "resourceNames": ["shop"], "verbs": ["patch"]}
PATCH_SERVICE = {"apiGroups": [""], "resources": ["services"], "resourceNames": ["shop"], "verbs": ["patch"]}
CREATE_SERVICES = {"apiGroups": [""], "resources": ["services"], "verbs": ["create"]}
CREATE_INGRESSES = {"apiGroups": ["networking.k8s.io"], "resources": ["ingresses"], "verbs": ["create"]}
CREATE_ROUTES = {"apiGroups": ["gateway.networking.k8s.io"], "resources": ["httproutes"], "verbs": ["create"]}
APPROVE = {"apiGroups": ["headgate.dev"], "resources": ["canaryreleases/approve"], "verbs": ["update"]}

AUTHOR = [RELEASES, PATCH_DEPLOYMENT, PATCH_SERVICE, CREATE_SERVICES, CREATE_INGRESSES]
CANARY = release(traffic={"ingress": "shop"})


def granted(kubectl: Kubectl, *rules: Manifest, person: str = "alice") -> Kubectl:
    """The person, with exactly these rights in the namespace."""
    metadata = {"name": person}
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": metadata, "rules": list(rules)}
    kubectl("apply", manifest=role)
    kubectl("create", "rolebinding", person, f"--role={person}", f"--user={person}")
    return kubectl.by(person)


def acting(action: str) -> Manifest:
    """The change that asks for an action."""
    return {"metadata": {"annotations": {"headgate.dev/action": action}}}


def refusal(kubectl: Kubectl, change: Manifest) -> str:
    """What is said to a change of release `shop`; empty when it passes."""
    answer = kubectl.tried("patch", "crel", "shop", "--type=merge", "--patch", json.dumps(change))
    assert (answer.code == 0) == (not answer.error)
    return answer.error


def test_who_may_do_it_all_himself_may_release(kubectl: Kubectl) -> None:
    """The rights may be limited to the names that the release uses, where a right can be."""
    granted(kubectl, *AUTHOR)("create", manifest=CANARY)


@pytest.mark.parametrize(
    ("lacking", "sentence"),
    [
        (PATCH_DEPLOYMENT, "you may not patch deployment shop, so a release may not do it for you"),
        (PATCH_SERVICE, "you may not patch service shop, so a release may not do it for you"),
        (CREATE_SERVICES, "you may not create services, so a release may not do it for you"),
        (CREATE_INGRESSES, "you may not create ingresses, so a release may not do it for you"),
    ],
)
def test_each_right_that_is_lacking_is_named(kubectl: Kubectl, lacking: Manifest, sentence: str) -> None:
    author = granted(kubectl, *(rule for rule in AUTHOR if rule is not lacking))

    refused = author.tried("create", manifest=CANARY)

    assert refused.code != 0
    assert sentence in refused.error


def test_an_http_route_takes_a_right_of_its_own(kubectl: Kubectl) -> None:
    routed = release(traffic={"httpRoute": "shop"})

    refused = granted(kubectl, *AUTHOR).tried("create", manifest=routed)
    assert "you may not create httproutes, so a release may not do it for you" in refused.error
    rules = [rule for rule in AUTHOR if rule is not CREATE_INGRESSES]
    granted(kubectl, *rules, CREATE_ROUTES, person="bob")("create", manifest=routed)


def test_rights_on_releases_alone_release_nothing(kubectl: Kubectl) -> None:
    refused = granted(kubectl, RELEASES).tried("create", manifest=CANARY)

    assert "you may not patch deployment shop" in refused.error
    assert kubectl("get", "crel", "-o", "name").output == ""


def test_without_an_ingress_no_right_on_ingresses_is_asked_for(kubectl: Kubectl) -> None:
    rules = [rule for rule in AUTHOR if rule is not CREATE_INGRESSES]

    granted(kubectl, *rules)("create", manifest=release())


def test_the_service_that_the_release_names_counts(kubectl: Kubectl) -> None:
    refused = granted(kubectl, *AUTHOR).tried("create", manifest=release(traffic={"service": "payments"}))

    assert "you may not patch service payments" in refused.error


def test_a_release_cannot_be_turned_to_other_traffic_later(kubectl: Kubectl) -> None:
    author = granted(kubectl, *AUTHOR)
    author("create", manifest=CANARY)

    assert "you may not patch service payments" in refusal(author, {"spec": {"traffic": {"service": "payments"}}})


def test_who_lacks_the_rights_may_still_label_and_reapply_a_release(kubectl: Kubectl) -> None:
    """Nothing is done for him: the spec stays as its author wrote it."""
    kubectl("apply", manifest=CANARY)
    manifest = deepcopy(CANARY)
    manifest["metadata"]["labels"] = {"team": "a"}

    granted(kubectl, RELEASES)("apply", manifest=manifest)


@pytest.mark.parametrize("action", ["abort", "retry", "pause", "resume", "promote"])
def test_an_action_takes_the_rights_of_an_author(kubectl: Kubectl, action: str) -> None:
    kubectl("apply", manifest=CANARY)

    assert "you may not patch deployment shop" in refusal(granted(kubectl, RELEASES, APPROVE), acting(action))


@pytest.mark.parametrize("action", ["abort", "retry", "pause", "resume"])
def test_an_author_may_ask_for_actions(kubectl: Kubectl, action: str) -> None:
    kubectl("apply", manifest=CANARY)

    assert refusal(granted(kubectl, *AUTHOR), acting(action)) == ""


@pytest.mark.parametrize("action", ["approve", "promote"])
def test_an_author_may_not_approve_or_promote_past_an_approval(kubectl: Kubectl, action: str) -> None:
    kubectl("apply", manifest=CANARY)

    refused = refusal(granted(kubectl, *AUTHOR), acting(action))

    assert f"you may not {action} release shop: it takes the right to update canaryreleases/approve" in refused


def test_a_release_cannot_be_made_with_its_approval_in_it(kubectl: Kubectl) -> None:
    manifest = CANARY | {"metadata": {"name": "shop", **acting("approve")["metadata"]}}

    refused = granted(kubectl, *AUTHOR).tried("create", manifest=manifest)

    assert "you may not approve release shop" in refused.error


def test_the_approver_needs_no_right_on_the_deployment(kubectl: Kubectl) -> None:
    kubectl("apply", manifest=CANARY)

    assert refusal(granted(kubectl, RELEASES, APPROVE), acting("approve")) == ""


def test_approving_can_be_limited_to_one_release(kubectl: Kubectl) -> None:
    kubectl("apply", manifest=CANARY)

    other = granted(kubectl, RELEASES, {**APPROVE, "resourceNames": ["cart"]})

    assert "you may not approve release shop" in refusal(other, acting("approve"))


WRITE_STATUS = {"apiGroups": ["headgate.dev"], "resources": ["canaryreleases/status"], "verbs": ["get", "patch"]}
PATCH_ALL = [
    {"apiGroups": [group], "resources": [resource], "verbs": ["patch"]}
    for group, resource in (("apps", "deployments"), ("", "services"), ("autoscaling", "horizontalpodautoscalers"))
]
HELD = json.dumps({"status": {"held": {"service": "payments", "podTemplateHash": "nowhere"}}})
WRITING = ("patch", "crel", "shop", "--subresource=status", "--type=merge", "--patch", HELD)


@pytest.mark.parametrize("lacking", PATCH_ALL, ids=lambda rule: rule["resources"][0])
def test_a_status_is_written_by_headgate_and_by_who_may_do_all_it_leads_to(kubectl: Kubectl, lacking: Manifest) -> None:
    """It tells the operator which Service is pinned, which autoscaler is given back, and the policies what to hold."""
    kubectl("apply", manifest=CANARY)
    rules = [rule for rule in PATCH_ALL if rule is not lacking]

    refused = granted(kubectl, RELEASES, WRITE_STATUS, *rules).tried(*WRITING)

    kind = lacking["resources"][0]
    assert f"you may not patch {kind}, so you may not write a release's status: Headgate acts by it" in refused.error


def test_who_may_do_all_that_a_status_leads_to_may_write_one(kubectl: Kubectl) -> None:
    kubectl("apply", manifest=CANARY)

    granted(kubectl, WRITE_STATUS, RELEASES, *PATCH_ALL)(*WRITING)


def test_an_answered_approval_can_be_given_again(kubectl: Kubectl) -> None:
    kubectl("apply", manifest=CANARY)
    approver = granted(kubectl, RELEASES, APPROVE)
    approver.patch("crel", "shop", acting("approve"))
    kubectl("annotate", "crel", "shop", "headgate.dev/action-")

    assert refusal(approver, acting("approve")) == ""


def test_the_roles_of_the_chart(kubectl: Kubectl) -> None:
    """Given the built-in role edit and the chart's approver, each can do his part and no more."""
    kubectl("create", "rolebinding", "alice", "--clusterrole=edit", "--user=alice")
    kubectl("create", "rolebinding", "bob", "--clusterrole=headgate-approver", "--user=bob")
    kubectl("create", "rolebinding", "carol", "--clusterrole=view", "--user=carol")

    kubectl.by("alice")("create", manifest=CANARY)

    assert "you may not approve" in refusal(kubectl.by("alice"), acting("approve"))
    assert "may not patch deployment" in refusal(kubectl.by("bob"), {"spec": {"suspend": True}})
    assert refusal(kubectl.by("bob"), acting("approve")) == ""
    assert kubectl.by("carol").get("crel", "shop")["metadata"]["name"] == "shop"
    assert "cannot patch" in refusal(kubectl.by("carol"), acting("abort"))
