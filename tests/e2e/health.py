"""How GitOps tools read a CanaryRelease: the library that Flux uses, and Argo CD's script in its own Lua."""

import json
import subprocess
from collections.abc import Iterable

from lab.handle import Lab
from lab.layout import CHECKOUT
from tests.e2e.manifests import Manifest

_SCRIPT = CHECKOUT / "charts" / "headgate" / "files" / "argocd-health.lua"

# design.md 5: by phase, what Argo CD shows and what kstatus says, and the conditions that hold.
CONTRACT = {
    "Idle": ("Healthy", "Current", {"Ready"}),
    "Succeeded": ("Healthy", "Current", {"Ready"}),
    "Progressing": ("Progressing", "InProgress", {"Reconciling"}),
    "Promoting": ("Progressing", "InProgress", {"Reconciling"}),
    "RollingBack": ("Progressing", "InProgress", {"Reconciling"}),
    "Paused": ("Suspended", "InProgress", {"Reconciling"}),
    "RolledBack": ("Degraded", "Failed", {"Stalled"}),
    "Stalled": ("Degraded", "Failed", {"Stalled"}),
}
# ... and while Headgate has not seen the release's present spec.
LATE = ("Progressing", "InProgress", set[str]())


def kstatus(lab: Lab, release: Manifest) -> str:
    """What Flux waits for: Current, InProgress or Failed."""
    return _read(lab, release, "kstatus")


def argocd(lab: Lab, release: Manifest) -> str:
    """What Argo CD shows: Healthy, Progressing, Suspended or Degraded."""
    return _read(lab, release, "argocd", str(_SCRIPT))


def breaches(lab: Lab, releases: Iterable[Manifest]) -> list[str]:
    """Every version of a release that some tool reads otherwise than the contract says, in a sentence."""
    found, seen = [], set()
    for release in releases:
        status, generation = release["status"], release["metadata"]["generation"]
        late = status.get("observedGeneration", 0) < generation
        holding = frozenset(item["type"] for item in status.get("conditions", ()) if item["status"] == "True")
        look = status["phase"], holding, late
        if look in seen:
            continue
        seen.add(look)
        wanted = LATE if late else CONTRACT[status["phase"]]
        read = argocd(lab, release), kstatus(lab, release), set() if late else set(holding)
        if read != wanted:
            found.append(f"{status['phase']} at generation {generation}: {read} instead of {wanted}")
    return found


def _read(lab: Lab, release: Manifest, *arguments: str) -> str:
    command = [str(lab.program("health")), *arguments]
    answer = subprocess.run(command, input=json.dumps(release), capture_output=True, text=True, check=True).stdout
    status: str = json.loads(answer)["status"]
    return status
