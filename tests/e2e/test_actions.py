"""What people ask for by annotation, who they were, and what they see."""

import re

import pytest

from tests.cluster.admission.kubectl import Kubectl
from tests.e2e.manifests import Manifest
from tests.e2e.shop import Shop

pytestmark = pytest.mark.e2e

STEPS = [
    {"setWeight": 20, "hold": {"min": "1s", "advance": "WhenNotBad"}},
    {"pause": {}},
    {"setWeight": 50, "hold": {"min": "10m"}},
]
RELEASES = {"apiGroups": ["headgate.dev"], "resources": ["canaryreleases"], "verbs": ["get", "patch"]}
APPROVE = {"apiGroups": ["headgate.dev"], "resources": ["canaryreleases/approve"], "verbs": ["update"]}


def person(shop: Shop, name: str, *rules: Manifest) -> Kubectl:
    """Someone with exactly these rights in the shop's namespace, and a token of his own."""
    metadata = {"name": name}
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": metadata, "rules": list(rules)}
    shop.apply(role)
    shop.kubectl.tried("create", "rolebinding", name, f"--role={name}", f"--user={name}")
    return Kubectl({**shop.lab.environment(), "KUBECONFIG": str(shop.lab.kubeconfig_of(name))}, shop.namespace)


@pytest.mark.long
def test_people_act_and_are_named(shop: Shop) -> None:
    """An approver who may do nothing else approves; another is refused; the administrator does the rest."""
    alice = person(shop, "alice", RELEASES, APPROVE)
    bob = person(shop, "bob", RELEASES)
    shop.opens("v1", steps=STEPS)
    with shop.under_load():
        shop.ships("v2")
        shop.reaches("Paused", reason="WaitingForApproval")

        refused = bob.tried("annotate", "crel", "shop", "headgate.dev/action=approve")
        assert "you may not approve release shop: it takes the right to update canaryreleases/approve" in refused.error
        refused = alice.tried("annotate", "crel", "shop", "headgate.dev/action=abort")
        assert "you may not patch deployment shop, so a release may not do it for you" in refused.error

        shop.asks("approve", by=alice)
        assert answered(shop.reaches("Progressing", weight=50)) == ("approve", "alice", "approved")
        shop.asks("pause")
        assert answered(shop.reaches("Paused")) == ("pause", "admin", "paused by admin")
        shop.asks("resume")
        assert answered(shop.reaches("Progressing")) == ("resume", "admin", "resumed by admin")
        shop.asks("promote")
        assert answered(shop.reaches("Succeeded"))[:2] == ("promote", "admin")

        shop.ships("v3")
        shop.reaches("Paused")
        shop.asks("abort")
        shop.reaches("RolledBack")
        shop.asks("retry")
        assert answered(shop.reaches("Progressing")) == ("retry", "admin", "the release starts again from step 1")
        shop.asks("promote")
        shop.reaches("Succeeded")
    assert "approve by alice: approved" in [event["note"] for event in shop.events()]
    assert shop.event_reasons().count("Action") == 7


def answered(status: Manifest) -> tuple[str, str, str]:
    """Which action was answered, who had asked, and the answer."""
    action = status["action"]
    return action["name"], action["by"], action["answer"]


def test_what_kubectl_shows(shop: Shop) -> None:
    shop.opens("v1", steps=STEPS)
    with shop.under_load():
        shop.ships("v2")
        shop.reaches("Paused")
        listed = shop.kubectl("get", "crel").output
        shop.asks("abort")
        shop.reaches("RolledBack")
    described = shop.kubectl("describe", "crel", "shop").output

    head, row = (re.split(" {2,}", line.strip()) for line in listed.splitlines())
    assert head == ["NAME", "PHASE", "STEP", "WEIGHT", "VERDICT", "STABLE", "CANDIDATE", "AGE"]
    assert row[:4] == ["shop", "Paused", "2/3 pause for approval", "80/20"]
    assert re.fullmatch(r"Safe|NotEnough, ~[\d,]+ requests", row[4])
    assert row[5:7] == ["shop:v1", "shop:v2"]
    events = [line.split(maxsplit=4) for line in described[described.index("Events:") :].splitlines()[3:]]
    notes = {event[1]: event[4] for event in events}
    assert re.fullmatch(r"template changed: shop:v1 -> shop:v2 \(revision [a-z0-9]{10}\)", notes.pop("Released"))
    assert notes == {
        "Weight": "20 % to shop:v2 (step 1 of 3), 1 of 1 endpoints ready",
        "RolledBack": "100 % to shop:v1: aborted by admin",
        "Action": "abort by admin: traffic goes back to stable",
    }
