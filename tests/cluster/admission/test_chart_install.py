"""The chart on a real API server: what a person reads after `helm install` works as it is written."""

import subprocess

import pytest

from lab.handle import Lab
from tests.cluster.admission.kubectl import Kubectl, deployment, service

pytestmark = pytest.mark.cluster


def helm(lab: Lab, *arguments: str) -> str:
    """What Helm prints about the installation."""
    command = ["helm", *arguments, "headgate", "--namespace=headgate-system"]
    return subprocess.run(command, env=lab.environment(), capture_output=True, text=True, check=True).stdout


def test_the_commands_of_the_notes_run(kubectl: Kubectl, lab: Lab) -> None:
    """Given a Deployment and its Service, the commands are pasted into a shell with their names filled in."""
    kubectl("apply", manifest=[deployment(), service()])
    notes = helm(lab, "get", "notes").replace("NAMESPACE", kubectl.namespace).replace("NAME", "shop")
    apply = notes[notes.index("kubectl apply") : notes.index("EOF\n", notes.index("<<EOF") + 5) + 4]

    pasted = apply.replace("\n  ", "\n")
    subprocess.run(["bash", "-euc", pasted], env=lab.environment(), check=True)  # noqa: S607 (the reader's own shell)

    assert kubectl.get("crel", "shop")["spec"]["targetRef"]["name"] == "shop"
    watch = next(line for line in notes.splitlines() if line.endswith("--watch"))
    listed = subprocess.run(
        watch.removesuffix("--watch").split(), env=lab.environment(), capture_output=True, text=True, check=True
    )
    assert "shop" in listed.stdout


def test_the_account_of_the_operator_is_the_one_that_the_policies_let_through(admin: Kubectl) -> None:
    operator = admin.by("system:serviceaccount:headgate-system:headgate")

    for verb, resource in [("patch", "deployments.apps"), ("delete", "services"), ("patch", "canaryreleases/status")]:
        assert operator.tried("auth", "can-i", verb, resource).output.strip() == "yes", f"{verb} {resource}"
    for verb, resource in [("get", "secrets"), ("update", "canaryreleases/approve"), ("delete", "deployments.apps")]:
        assert operator.tried("auth", "can-i", verb, resource).output.strip() == "no", f"{verb} {resource}"
