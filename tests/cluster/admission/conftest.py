"""What the API server itself answers: the chart is installed on a real one, requests are made by kubectl."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import pytest

from lab.handle import Lab
from tests.cluster.admission.kubectl import (
    Kubectl,
    deployment,
    dry_run_is_held,
    release,
    service,
    updated_pods,
)
from tests.cluster.api_server import api_server, install_chart


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    with api_server("admission") as lab:
        yield lab


@pytest.fixture(scope="session")
def admin(lab: Lab) -> Kubectl:
    """The administrator of a cluster with the CRD and the policies of the chart in force."""
    install_chart(lab)
    kubectl = Kubectl(lab.environment(), "default")
    kubectl.tried("create", "rolebinding", "probe", "--clusterrole=headgate-editor", "--user=probe")
    kubectl.until("the policies act", lambda: policies_act(kubectl))
    return kubectl


def policies_act(kubectl: Kubectl) -> bool:
    """Whether dry runs show that the API server knows the CRD and the policies on it."""
    manifest = release()
    manifest["metadata"]["annotations"] = {"headgate.dev/action": "abort"}
    made = kubectl.tried("create", "--dry-run=server", "-o", "yaml", manifest=manifest)
    refused = kubectl.by("probe").tried("create", "--dry-run=server", manifest=manifest)
    return "action-by" in made.output and "you may not" in refused.error


@pytest.fixture
def kubectl(admin: Kubectl) -> Iterator[Kubectl]:
    """The administrator in a fresh namespace."""
    name = f"test-{uuid4().hex[:8]}"
    admin("create", "namespace", name)
    yield replace(admin, namespace=name)
    admin("delete", "namespace", name, "--wait=false")


@pytest.fixture
def shop(kubectl: Kubectl) -> Kubectl:
    """A namespace with Deployment, Service and CanaryRelease `shop`, rolled out, with the policies seen to act."""
    kubectl("apply", "--server-side", "--field-manager=flux", manifest=[deployment(), service(), release()])
    kubectl.until("the deployment has its pods", lambda: updated_pods(kubectl) == 2)
    kubectl.until("a changed template is held", lambda: dry_run_is_held(kubectl))
    return kubectl
