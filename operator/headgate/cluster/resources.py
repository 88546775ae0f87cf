"""The kinds Headgate touches and their paths, so that no discovery request is needed."""

import re
from dataclasses import dataclass

from headgate.api import names
from headgate.release.decision import Ref


@dataclass(frozen=True)
class Resource:
    """One kind, as the API server serves it."""

    api_version: str
    kind: str
    plural: str

    @property
    def group(self) -> str:
        """The API group; empty for the core group."""
        return self.api_version.rpartition("/")[0]

    @property
    def version(self) -> str:
        return self.api_version.rpartition("/")[2]

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The URL path of one object, or of a collection: of a namespace, or of the whole cluster."""
        root = f"/apis/{self.api_version}" if self.group else f"/api/{self.api_version}"
        scope = f"namespaces/{namespace}/{self.plural}" if namespace else self.plural
        return "/".join(part for part in (root, scope, name, subresource) if part)


RELEASES = Resource(names.API_VERSION, names.KIND, names.PLURAL)
DEPLOYMENTS = Resource("apps/v1", "Deployment", "deployments")
REPLICA_SETS = Resource("apps/v1", "ReplicaSet", "replicasets")
SERVICES = Resource("v1", "Service", "services")
ENDPOINT_SLICES = Resource("discovery.k8s.io/v1", "EndpointSlice", "endpointslices")
INGRESSES = Resource("networking.k8s.io/v1", "Ingress", "ingresses")
HTTP_ROUTES = Resource("gateway.networking.k8s.io/v1", "HTTPRoute", "httproutes")
AUTOSCALERS = Resource("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers")
LEASES = Resource("coordination.k8s.io/v1", "Lease", "leases")
EVENTS = Resource("events.k8s.io/v1", "Event", "events")
POLICY_BINDINGS = Resource(
    "admissionregistration.k8s.io/v1", "MutatingAdmissionPolicyBinding", "mutatingadmissionpolicybindings"
)

ENTRIES = (INGRESSES, HTTP_ROUTES)
"""Kinds of the user's objects that lead requests to a Service."""

_ALL = (
    RELEASES,
    DEPLOYMENTS,
    REPLICA_SETS,
    SERVICES,
    ENDPOINT_SLICES,
    INGRESSES,
    HTTP_ROUTES,
    AUTOSCALERS,
    LEASES,
    EVENTS,
    POLICY_BINDINGS,
)
_BY_KIND = {(resource.api_version, resource.kind): resource for resource in _ALL}
_BY_COLLECTION = {(resource.api_version, resource.plural): resource for resource in _ALL}
_COLLECTION = re.compile(
    r"/apis?/(?P<version>[^/]+(?:/v[^/]+)?)(?:/namespaces/(?P<namespace>[^/]+))?/(?P<plural>[^/]+)"
)


def resource_of(ref: Ref) -> Resource:
    """The resource of an object. Raises KeyError for a kind that is not in the table."""
    return _BY_KIND[ref.api_version, ref.kind]


def collection_at(path: str) -> tuple[Resource, str] | None:
    """The resource and the namespace (empty for all) that a collection's path names; None for any other path."""
    match = _COLLECTION.fullmatch(path)
    resource = match and _BY_COLLECTION.get((match["version"], match["plural"]))
    return (resource, match["namespace"] or "") if match and resource else None
