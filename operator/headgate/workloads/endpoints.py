"""EndpointSlices: the pods that a Service really leads to."""

from collections.abc import Iterable
from dataclasses import dataclass

from headgate.api.fields import Manifest

_SERVICE_LABEL = "kubernetes.io/service-name"


@dataclass(frozen=True)
class EndpointSlice:
    """The ready pods of one slice of a Service."""

    namespace: str
    name: str
    service: str
    ready: frozenset[str]
    """Names of pods that are ready and not terminating."""


def read_endpoint_slice(manifest: Manifest) -> EndpointSlice:
    """The facts in an EndpointSlice's manifest. An absent `ready` counts as ready, as the API defines it."""
    metadata = manifest["metadata"]
    ready = (
        (endpoint.get("targetRef") or {}).get("name") or ",".join(endpoint.get("addresses") or ())
        for endpoint in manifest.get("endpoints") or ()
        if (endpoint.get("conditions") or {}).get("ready") in (None, True)
    )
    return EndpointSlice(
        namespace=metadata["namespace"],
        name=metadata["name"],
        service=(metadata.get("labels") or {}).get(_SERVICE_LABEL, ""),
        ready=frozenset(ready),
    )


def ready_pods(slices: Iterable[EndpointSlice], service: str) -> frozenset[str]:
    """The names of the ready pods that a Service leads to; a pod in several slices (dual stack) counts once."""
    return frozenset(pod for item in slices if item.service == service for pod in item.ready)


def ready_of(pods: Iterable[str], replica_set: str) -> int:
    """How many of the pods belong to a ReplicaSet, by name: a pod bears its name, cut at 58 characters."""
    prefix = f"{replica_set}-"[:58]
    return sum(pod.startswith(prefix) for pod in pods)
