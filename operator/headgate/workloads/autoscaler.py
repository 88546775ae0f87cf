"""HorizontalPodAutoscalers: an idle stable keeps its size while the candidate takes its traffic."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from headgate.api.fields import Manifest
from headgate.api.ownership import managed_at


@dataclass(frozen=True)
class Autoscaler:
    """A HorizontalPodAutoscaler of the target."""

    name: str
    behavior: Manifest | None
    """Its own spec.behavior."""
    managed_at: int | None = None
    """Position of Headgate's entry in its managedFields."""

    @property
    def held(self) -> bool:
        """Whether scaling down is switched off."""
        return ((self.behavior or {}).get("scaleDown") or {}).get("selectPolicy") == "Disabled"


def autoscaler_among(manifests: Iterable[Manifest], deployment: str) -> Autoscaler | None:
    """The autoscaler whose scale target is the Deployment."""
    for manifest in manifests:
        target = manifest["spec"].get("scaleTargetRef") or {}
        if (target.get("kind"), target.get("name")) == ("Deployment", deployment):
            metadata = manifest["metadata"]
            return Autoscaler(metadata["name"], manifest["spec"].get("behavior"), managed_at(metadata))
    return None


def hold_patch() -> Manifest:
    """The merge patch that switches scaling down off."""
    return {"spec": {"behavior": {"scaleDown": {"selectPolicy": "Disabled"}}}}


def restore_patch(behavior: Manifest | None) -> list[dict[str, Any]]:
    """The JSON patch that gives the behavior back as it was: a merge patch would leave the defaults it brought."""
    if behavior is None:
        return [{"op": "remove", "path": "/spec/behavior"}]
    return [{"op": "replace", "path": "/spec/behavior", "value": behavior}]
