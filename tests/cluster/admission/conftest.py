"""What the API server itself answers: the chart is installed on a real one, requests are made by kubectl."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT), str(ROOT / "hack")]

from lab import handle  # noqa: E402 (hack/ is no package of the project)
from lab.progress import LabError  # noqa: E402
from tests.cluster.admission.kubectl import (  # noqa: E402
    Kubectl,
    deployment,
    dry_run_is_held,
    release,
    service,
    updated_pods,
)

CHART = ROOT / "charts" / "headgate"


@pytest.fixture(scope="session")
def lab() -> Iterator[handle.Lab]:
    """An API server with controllers and without nodes; one that is up already stays up."""
    try:
        yield handle.Lab.load("admission")
    except LabError:
        started = handle.up("admission", "--only", "api")
        yield started
        handle.down("admission")


@pytest.fixture(scope="session")
def admin(lab: handle.Lab) -> Kubectl:
    """The administrator of a cluster with the CRD and the policies of the chart in force."""
    kubectl = Kubectl(lab.environment(), "default")
    command = ["helm", "upgrade", "--install", "headgate", str(CHART), "--create-namespace"]
    subprocess.run(
        [*command, "--namespace", "headgate-system", "--set", "replicas=0"],
        env=lab.environment(), check=True, capture_output=True, text=True,
    )  # fmt: skip
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
