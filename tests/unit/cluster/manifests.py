"""Objects as the API server gives them, small but whole."""

import itertools
from typing import Any

from headgate.api.fields import Manifest
from headgate.api.names import API_VERSION, KIND, RELEASE_LABEL
from headgate.api.release import Release, read_release

NAMESPACE = "prod"
_versions = itertools.count(1)


def _object(api_version: str, kind: str, name: str, version: int | None, **fields: Any) -> Manifest:
    metadata: Manifest = {
        "name": name,
        "namespace": fields.pop("namespace", NAMESPACE),
        "uid": fields.pop("uid", f"uid-of-{kind}-{name}"),
        "resourceVersion": str(next(_versions) if version is None else version),
        "creationTimestamp": fields.pop("created", "2026-01-01T00:00:00Z"),
    }
    for key in (
        "labels", "annotations", "generation", "finalizers", "deletionTimestamp", "managedFields", "ownerReferences",
    ):  # fmt: skip
        if key in fields:
            metadata[key] = fields.pop(key)
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}


def _made_for(release: str) -> Manifest:
    """The metadata of what Headgate made for a release; none without one."""
    if not release:
        return {"labels": {}}
    controller = {"apiVersion": API_VERSION, "kind": KIND, "name": release, "uid": f"uid-of-{KIND}-{release}"}
    return {"labels": {RELEASE_LABEL: release}, "ownerReferences": [controller | {"controller": True}]}


def canary_release(
    name: str = "shop",
    version: int | None = None,
    *,
    target: str = "shop",
    traffic: Manifest | None = None,
    spec: Manifest | None = None,
    **fields: Any,
) -> Manifest:
    whole = {"targetRef": {"kind": "Deployment", "name": target}, "traffic": traffic or {}, **(spec or {})}
    return _object(API_VERSION, KIND, name, version, spec=whole, **fields)


def wanted(manifest: Manifest) -> Manifest:
    """The manifest as Headgate applies it: without what the API server adds."""
    metadata = {key: manifest["metadata"][key] for key in ("name", "namespace", "labels", "ownerReferences")}
    return {**manifest, "metadata": metadata}


def release(**fields: Any) -> Release:
    return read_release(canary_release(**fields))


def deployment(name: str = "shop", version: int | None = None, *, image: str = "shop:1", **fields: Any) -> Manifest:
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": {"containers": [{"name": "app", "image": image}]},
    }
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": name}}, "template": template}
    return _object("apps/v1", "Deployment", name, version, spec=spec, **fields)


def replica_set(name: str, version: int | None = None, *, owner: str = "", **fields: Any) -> Manifest:
    made = _made_for(owner)
    made["labels"] |= {"app": "shop", "pod-template-hash": name.rpartition("-")[2]}
    template = {"metadata": {"labels": made["labels"]}, "spec": {"containers": [{"name": "app", "image": "shop:2"}]}}
    spec = {"replicas": 1, "template": template}
    return _object("apps/v1", "ReplicaSet", name, version, spec=spec, **{**made, **fields})


def service(name: str = "shop", version: int | None = None, *, owner: str = "", **fields: Any) -> Manifest:
    spec = {"selector": {"app": "shop"}, "ports": [{"name": "http", "port": 80}]}
    return _object("v1", "Service", name, version, spec=spec, **{**_made_for(owner), **fields})


def endpoint_slice(
    service_name: str, version: int | None = None, *, owner: str = "", ready: tuple[str, ...] = ()
) -> Manifest:
    labels = {"kubernetes.io/service-name": service_name} | ({RELEASE_LABEL: owner} if owner else {})
    endpoints = [
        {"targetRef": {"name": pod}, "conditions": {"ready": True}, "addresses": ["10.0.0.1"]} for pod in ready
    ]
    return _object(
        "discovery.k8s.io/v1", "EndpointSlice", f"{service_name}-x", version, labels=labels, endpoints=endpoints
    )


def ingress(name: str = "shop", version: int | None = None, *, owner: str = "", **fields: Any) -> Manifest:
    backend = {"service": {"name": "shop", "port": {"number": 80}}}
    spec = {"rules": [{"http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}]}
    return _object("networking.k8s.io/v1", "Ingress", name, version, spec=spec, **{**_made_for(owner), **fields})
