"""ReplicaSets: which one serves, which one is the candidate, which one is an empty twin of it."""

from collections.abc import Iterable
from dataclasses import dataclass

from headgate.api.fields import Manifest
from headgate.api.names import POD_TEMPLATE_HASH, RELEASE_LABEL
from headgate.workloads.template import identity_of, images_of, intent_of


@dataclass(frozen=True)
class ReplicaSet:
    """A ReplicaSet, reduced to what a release needs of it."""

    namespace: str
    name: str
    uid: str
    owner: str
    """The uid of its controller, empty when it has none."""
    revision: str
    """The pod-template-hash of its pods."""
    identity: str
    intent: str
    images: str
    replicas: int
    ready: int
    ordinal: int
    """The Deployment controller's revision number, 0 without one."""
    release: str = ""
    """The CanaryRelease it was made for, by label."""


def read_replica_set(manifest: Manifest) -> ReplicaSet:
    """The facts in a ReplicaSet's manifest."""
    metadata, spec, status = manifest["metadata"], manifest["spec"], manifest.get("status") or {}
    labels, template = metadata.get("labels") or {}, spec.get("template") or {}
    owners = [owner["uid"] for owner in metadata.get("ownerReferences") or () if owner.get("controller")]
    ordinal = (metadata.get("annotations") or {}).get("deployment.kubernetes.io/revision", "0")
    return ReplicaSet(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata.get("uid", ""),
        owner=owners[0] if owners else "",
        revision=labels.get(POD_TEMPLATE_HASH, ""),
        identity=identity_of(template),
        intent=intent_of(template),
        images=images_of(template),
        replicas=spec.get("replicas", 1),
        ready=status.get("readyReplicas", 0),
        ordinal=int(ordinal) if ordinal.isdigit() else 0,
        release=labels.get(RELEASE_LABEL, ""),
    )


def serving_among(replica_sets: Iterable[ReplicaSet], deployment_uid: str, known: str = "") -> ReplicaSet | None:
    """The Deployment's ReplicaSet whose pods serve.

    It is among those with ready pods, failing that among those with pods, failing that among all, the one whose
    revision is `known` to serve, or else the newest.
    """

    def rank(item: ReplicaSet) -> tuple[bool, bool, bool, int]:
        return item.ready > 0, item.replicas > 0, item.replicas > 0 and item.revision == known, item.ordinal

    return max((item for item in replica_sets if item.owner == deployment_uid), key=rank, default=None)


def twins_among(replica_sets: Iterable[ReplicaSet], deployment_uid: str, identity: str) -> tuple[ReplicaSet, ...]:
    """The Deployment's own ReplicaSets of an equal template.

    The Deployment controller takes the oldest ReplicaSet with an equal template as its current one, so a twin from an
    earlier revision would be scaled up instead of the candidate.
    """
    return tuple(item for item in replica_sets if item.owner == deployment_uid and item.identity == identity)
