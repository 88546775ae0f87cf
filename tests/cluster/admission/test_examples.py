"""What the tutorial has its reader apply and run is taken by a real API server as it stands. No operator runs."""

from pathlib import Path

import pytest

from tests.cluster.admission.kubectl import Kubectl, dry_run_is_held, paused, updated_pods

pytestmark = pytest.mark.cluster

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


@pytest.fixture
def example(kubectl: Kubectl) -> Kubectl:
    """A namespace with the example's application and its canary release."""
    for name in ("shop.yaml", "canary.yaml"):
        kubectl("apply", "--filename", str(EXAMPLES / name))
    kubectl.until("the deployment has its pods", lambda: updated_pods(kubectl) == 2)
    kubectl.until("a changed template is held", lambda: dry_run_is_held(kubectl))
    return kubectl


def test_the_other_example_may_take_its_place(example: Kubectl) -> None:
    said = example("apply", "--filename", str(EXAMPLES / "blue-green.yaml")).output

    assert said == "canaryrelease.headgate.dev/shop configured\n"
    assert example.get("crel", "shop")["spec"]["strategy"] == "BlueGreen"


@pytest.mark.parametrize(
    "change",
    [
        ("image", "deployment/shop", "shop=nginx:1.29-alpine"),
        ("env", "deployment/shop", "VERSION=2", "FAILS=20%"),
    ],
    ids=["a good version", "a bad version"],
)
def test_the_releases_of_the_tutorial_are_held(example: Kubectl, change: tuple[str, ...]) -> None:
    """The container and the variables are those of the example, and the rollout waits for the operator."""
    before = example.get("deployment", "shop")["spec"]["template"]
    example("set", *change)
    after = example.get("deployment", "shop")

    assert after["spec"]["template"] != before
    assert len(after["spec"]["template"]["spec"]["containers"][0]["env"]) == 2
    assert paused(after)


def test_what_is_put_back_is_what_was_there(example: Kubectl) -> None:
    before = example.get("deployment", "shop")["spec"]["template"]
    example("set", "env", "deployment/shop", "VERSION=2", "FAILS=20%")
    example("set", "env", "deployment/shop", "VERSION=1", "FAILS=0.01%")

    assert example.get("deployment", "shop")["spec"]["template"] == before


def test_events_are_asked_for_as_the_pages_say(example: Kubectl) -> None:
    asked = example("events", "--for", "canaryrelease/shop")

    assert "No events found" in asked.output + asked.error


def test_an_action_is_asked_for_as_the_pages_say(example: Kubectl) -> None:
    example("annotate", "crel", "shop", "headgate.dev/action=abort")

    annotations = example.get("crel", "shop")["metadata"]["annotations"]
    assert annotations["headgate.dev/action"] == "abort"
    assert annotations["headgate.dev/action-by"]
