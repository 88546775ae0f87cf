"""A Deployment, reduced to what a release needs of it."""

import json
from dataclasses import dataclass

from headgate.api.fields import Manifest
from headgate.workloads.template import identity_of, images_of, intent_of


@dataclass(frozen=True)
class Deployment:
    """The target of a release.

    Pod template and selector are kept as JSON text: a thousand of them wait in memory for a release to begin.
    """

    namespace: str
    name: str
    uid: str
    resource_version: str
    generation: int
    observed_generation: int
    replicas: int
    paused: bool
    recreate: bool
    min_ready_seconds: int
    max_surge: int | str
    selector_json: str
    template_json: str
    identity: str
    intent: str
    images: str
    current: int
    """Pods that exist, of any version."""
    updated: int
    """Pods made from the present template."""
    available: int

    @property
    def template(self) -> Manifest:
        """The pod template, a fresh copy at each call."""
        template: Manifest = json.loads(self.template_json)
        return template

    @property
    def selector(self) -> Manifest:
        """The label selector, a fresh copy at each call."""
        selector: Manifest = json.loads(self.selector_json)
        return selector

    @property
    def rolled(self) -> bool:
        """Whether the Deployment controller has seen the present spec and only pods of its template are left."""
        return (
            self.observed_generation >= self.generation
            and self.updated == self.replicas == self.current
            and self.available >= self.replicas
        )


def read_deployment(manifest: Manifest) -> Deployment:
    """The facts in a Deployment's manifest."""
    metadata, spec, status = manifest["metadata"], manifest["spec"], manifest.get("status") or {}
    template, strategy = spec["template"], spec.get("strategy") or {}
    return Deployment(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata.get("uid", ""),
        resource_version=metadata.get("resourceVersion", ""),
        generation=metadata.get("generation", 0),
        observed_generation=status.get("observedGeneration", 0),
        replicas=spec.get("replicas", 1),
        paused=spec.get("paused", False),
        recreate=strategy.get("type") == "Recreate",
        min_ready_seconds=spec.get("minReadySeconds", 0),
        max_surge=(strategy.get("rollingUpdate") or {}).get("maxSurge", "25%"),
        selector_json=json.dumps(spec.get("selector") or {}, separators=(",", ":")),
        template_json=json.dumps(template, separators=(",", ":")),
        identity=identity_of(template),
        intent=intent_of(template),
        images=images_of(template),
        current=status.get("replicas", 0),
        updated=status.get("updatedReplicas", 0),
        available=status.get("availableReplicas", 0),
    )
