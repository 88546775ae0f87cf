"""kubectl as one person in one namespace, and the manifests that the tests apply with it."""

import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

Manifest = dict[str, Any]

OPERATOR = "system:serviceaccount:headgate-system:headgate"


@dataclass(frozen=True)
class Answer:
    """What kubectl said."""

    code: int
    output: str
    error: str

    @property
    def object(self) -> Manifest:
        """The object that was printed as JSON."""
        manifest: Manifest = json.loads(self.output)
        return manifest


@dataclass(frozen=True)
class Kubectl:
    """kubectl in one namespace, as one person; without a person as the administrator."""

    environment: dict[str, str] = field(repr=False)
    namespace: str
    person: str = ""

    def by(self, person: str) -> "Kubectl":
        """The same as another person."""
        return replace(self, person=person)

    def tried(self, *arguments: str, manifest: Manifest | list[Manifest] | None = None) -> Answer:
        """Run a command that may be refused; a manifest is given as its `-f -`."""
        command = ["kubectl", "--namespace", self.namespace, *arguments]
        if self.person:
            command += ["--as", self.person]
        text = None
        if manifest is not None:
            command += ["-f", "-"]
            text = "\n---\n".join(json.dumps(item) for item in (manifest if isinstance(manifest, list) else [manifest]))
        done = subprocess.run(command, env=self.environment, input=text, capture_output=True, text=True, check=False)
        return Answer(done.returncode, done.stdout, done.stderr)

    def __call__(self, *arguments: str, manifest: Manifest | list[Manifest] | None = None) -> Answer:
        """Run a command that must succeed."""
        answer = self.tried(*arguments, manifest=manifest)
        assert answer.code == 0, f"kubectl {' '.join(arguments)}: {answer.error}"
        return answer

    def get(self, kind: str, name: str) -> Manifest:
        """One object as it is now."""
        return self("get", kind, name, "-o", "json", "--show-managed-fields").object

    def patch(self, kind: str, name: str, change: Manifest, *arguments: str) -> Manifest:
        """A merge patch; returns the object as it came out of admission."""
        body = json.dumps(change)
        return self("patch", kind, name, "--type=merge", "--patch", body, "-o", "json", *arguments).object

    def until(self, what: str, holds: Callable[[], bool]) -> None:
        """Wait for what the API server or a controller does in its own time. Fails with `what` after a minute.

        That is twice the longest wait seen: a restarted API server looks for new kinds every 30 s.
        """
        deadline = time.monotonic() + 60
        while not holds():
            assert time.monotonic() < deadline, f"after a minute still not so: {what}"
            time.sleep(0.3)


def deployment(name: str = "shop", image: str = "shop:1") -> Manifest:
    """The user's Deployment."""
    pod = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "main", "image": image}]}}
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": name}}, "template": pod}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def service(name: str = "shop") -> Manifest:
    """The user's Service."""
    spec = {"selector": {"app": name}, "ports": [{"port": 80}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def release(name: str = "shop", **spec: object) -> Manifest:
    """A CanaryRelease of the Deployment of the same name."""
    return {
        "apiVersion": "headgate.dev/v1alpha1",
        "kind": "CanaryRelease",
        "metadata": {"name": name},
        "spec": {"targetRef": {"kind": "Deployment", "name": name}, **spec},
    }


def updated_pods(kubectl: Kubectl, name: str = "shop") -> int:
    """Pods of the present template, once the Deployment controller has seen it; -1 before."""
    found = kubectl.get("deployment", name)
    seen = found["status"].get("observedGeneration") == found["metadata"]["generation"]
    return int(found["status"].get("updatedReplicas", 0)) if seen else -1


def dry_run_is_held(kubectl: Kubectl, name: str = "shop") -> bool:
    """Whether a changed template would be paused."""
    change = {"spec": {"template": {"metadata": {"labels": {"probe": "true"}}}}}
    return paused(kubectl.patch("deployment", name, change, "--dry-run=server"))


def paused(found: Manifest) -> bool:
    """Whether a Deployment is paused."""
    return bool(found["spec"].get("paused", False))


def hold(kubectl: Kubectl, **held: object) -> None:
    """Write status.held, as the operator does while a release moves."""
    kubectl.patch("crel", "shop", {"status": {"held": held}}, "--subresource=status")
