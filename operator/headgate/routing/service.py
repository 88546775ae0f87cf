"""The user's Service: its selector, and the pin that narrows it to one version."""

from dataclasses import dataclass

from headgate.api.fields import Manifest
from headgate.api.names import POD_TEMPLATE_HASH, RELEASE_LABEL
from headgate.api.ownership import managed_at


@dataclass(frozen=True)
class Service:
    """A Service, reduced to what a release needs of it."""

    namespace: str
    name: str
    selector: tuple[tuple[str, str], ...]
    """Its selector without a pin."""
    pin: str | None
    """The pod-template-hash in its selector."""
    ports: tuple[Manifest, ...]
    resource_version: str = ""
    external: bool = False
    """An ExternalName Service, which leads to no pods."""
    release: str = ""
    """The CanaryRelease it was made for, by label."""
    managed_at: int | None = None
    """Position of Headgate's entry in its managedFields."""


def read_service(manifest: Manifest) -> Service:
    """The facts in a Service's manifest."""
    metadata, spec = manifest["metadata"], manifest["spec"]
    selector = dict(spec.get("selector") or {})
    pin = selector.pop(POD_TEMPLATE_HASH, None)
    return Service(
        namespace=metadata["namespace"],
        name=metadata["name"],
        selector=tuple(sorted(selector.items())),
        pin=pin,
        ports=tuple(spec.get("ports") or ()),
        resource_version=metadata.get("resourceVersion", ""),
        external=spec.get("type") == "ExternalName",
        release=(metadata.get("labels") or {}).get(RELEASE_LABEL, ""),
        managed_at=managed_at(metadata),
    )


def pin_patch(revision: str | None) -> Manifest:
    """The merge patch that pins a Service's selector to a pod-template-hash, or takes the pin away.

    Only this key is written: the user's own keys may change at any time.
    """
    return {"spec": {"selector": {POD_TEMPLATE_HASH: revision}}}
