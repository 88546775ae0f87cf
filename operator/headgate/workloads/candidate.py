"""The candidate of an in-place release: what it should look like, how it becomes the Deployment's own."""

from collections.abc import Iterable
from typing import Any

from headgate.api.fields import Manifest
from headgate.api.names import POD_TEMPLATE_HASH, RELEASE_LABEL
from headgate.workloads.deployment import Deployment

_PORT_FIELDS = ("name", "protocol", "port", "targetPort", "appProtocol")
_DESIRED = "deployment.kubernetes.io/desired-replicas"
_MAXIMUM = "deployment.kubernetes.io/max-replicas"


def candidate_name(deployment: str, revision: str) -> str:
    """The candidate's ReplicaSet, named as the Deployment controller names its own."""
    return f"{deployment}-{revision}"


def replica_set(metadata: Manifest, deployment: Deployment, revision: str, replicas: int) -> Manifest:
    """The candidate's ReplicaSet: the Deployment's new template, told apart by its pod-template-hash alone.

    Its pods carry what the Deployment's pods will carry, so NetworkPolicies, budgets and monitors hold for them.
    `metadata` names its owner; the template's labels are added to it, as the Deployment controller does.
    """
    template, selector = deployment.template, deployment.selector
    mark = {POD_TEMPLATE_HASH: revision}
    labels = {**((template.get("metadata") or {}).get("labels") or {}), **mark}
    template["metadata"] = {**(template.get("metadata") or {}), "labels": labels}
    template["metadata"].pop("creationTimestamp", None)
    selector["matchLabels"] = {**(selector.get("matchLabels") or {}), **mark}
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {**metadata, "labels": {**labels, **metadata["labels"]}},
        "spec": {
            "replicas": replicas,
            "minReadySeconds": deployment.min_ready_seconds,
            "selector": selector,
            "template": template,
        },
    }


def service(metadata: Manifest, selector: Manifest, ports: tuple[Manifest, ...], revision: str) -> Manifest:
    """The candidate's Service: the user's Service's selector and ports, narrowed to the candidate's pods."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {
            "selector": {**selector, POD_TEMPLATE_HASH: revision},
            "ports": _ports(ports),
        },
    }


def is_service(live: Manifest, wanted: Manifest) -> bool:
    """Whether an object is the candidate's Service as it should be."""
    if live["kind"] != "Service" or live["metadata"]["name"] != wanted["metadata"]["name"]:
        return False
    found: Manifest = {"selector": live["spec"].get("selector"), "ports": _ports(live["spec"].get("ports") or ())}
    return found == dict(wanted["spec"])


def _ports(ports: Iterable[Manifest]) -> list[Manifest]:
    """Ports without what the cluster chose."""
    return [{key: port[key] for key in _PORT_FIELDS if key in port} for port in ports]


def adoption_patch(uid: str, deployment: Deployment) -> list[dict[str, Any]]:
    """The JSON patch that lets the candidate's ReplicaSet go, for the Deployment controller to adopt.

    The two annotations are the controller's own: with them, and with just the Deployment's size, it sees the ReplicaSet
    as saturated and scales the old one down. Else it shrinks the larger of both when it adopts before the Deployment is
    unpaused, and with headroom that is ours (kubernetes/kubernetes, pkg/controller/deployment/sync.go, scale).
    """
    annotations = {
        _DESIRED: str(deployment.replicas),
        _MAXIMUM: str(deployment.replicas + _surge(deployment.max_surge, deployment.replicas)),
    }
    return [
        {"op": "test", "path": "/metadata/uid", "value": uid},
        {"op": "remove", "path": "/metadata/ownerReferences"},
        {"op": "remove", "path": f"/metadata/labels/{RELEASE_LABEL.replace('/', '~1')}"},
        {"op": "add", "path": "/metadata/annotations", "value": annotations},
        {"op": "replace", "path": "/spec/replicas", "value": deployment.replicas},
    ]


def unpause_patch(deployment: Deployment) -> list[dict[str, Any]]:
    """The JSON patch that lets the Deployment go on, unless its spec has changed since it was looked at."""
    return [
        {"op": "test", "path": "/metadata/generation", "value": deployment.generation},
        {"op": "remove", "path": "/spec/paused"},
    ]


def _surge(value: int | str, replicas: int) -> int:
    """Pods above the desired number that a rolling update may make; a percentage is rounded up."""
    if isinstance(value, int):
        return value
    return -(-int(value.removesuffix("%")) * replicas // 100)
