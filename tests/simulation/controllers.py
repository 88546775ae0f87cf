"""The controllers of Kubernetes that a release lives with: Deployments, ReplicaSets, pods and their endpoints."""

import copy
from dataclasses import dataclass, field
from typing import Any

from headgate.api.names import POD_TEMPLATE_HASH
from headgate.workloads.template import identity_of
from tests.simulation.api_server import ApiServer

Manifest = dict[str, Any]
_ORDINAL = "deployment.kubernetes.io/revision"
_DESIRED = "deployment.kubernetes.io/desired-replicas"


@dataclass
class Pod:
    """A pod: ready from `ready_at` on, terminating since `leaving`."""

    name: str
    owner: str
    labels: dict[str, str]
    image: str
    ready_at: float
    leaving: float | None = None


@dataclass
class Controllers:
    """Deployment and ReplicaSet controllers and a kubelet, all without delay but for the pods' start."""

    api: ApiServer
    startup: float = 2.0
    grace: float = 5.0
    never_ready: set[str] = field(default_factory=set)
    """Images whose pods do not become ready."""
    pods: dict[str, Pod] = field(default_factory=dict)
    serial: int = 0

    def run(self, now: float) -> None:
        """Lets every controller do what it would do by `now`."""
        for deployment in list(self.api.every("Deployment")):
            self._deployment(deployment, now)
        for replica_set in list(self.api.every("ReplicaSet")):
            self._replica_set(replica_set, now)
        names = {item["metadata"]["name"] for item in self.api.every("ReplicaSet")}
        for pod in self.pods.values():
            if pod.owner not in names and pod.leaving is None:
                pod.leaving = now
        self.pods = {name: pod for name, pod in self.pods.items() if not self._gone(pod, now)}

    def ready(self, selector: dict[str, str], now: float) -> list[Pod]:
        """The pods that a Service with this selector leads to."""
        return [
            pod
            for pod in self.pods.values()
            if pod.leaving is None
            and pod.ready_at <= now
            and all(pod.labels.get(key) == value for key, value in selector.items())
        ]

    def _gone(self, pod: Pod, now: float) -> bool:
        return pod.leaving is not None and now >= pod.leaving + self.grace

    def _owned(self, deployment: Manifest) -> list[Manifest]:
        uid = deployment["metadata"]["uid"]
        return [item for item in self.api.every("ReplicaSet") if _owner(item) == uid]

    def _deployment(self, deployment: Manifest, now: float) -> None:
        self._claim(deployment)
        owned, spec = self._owned(deployment), deployment["spec"]
        identity = identity_of(spec["template"])
        new = next((item for item in owned if identity_of(item["spec"]["template"]) == identity), None)
        if spec.get("paused"):
            self._scale_paused(owned, new, spec["replicas"])
        else:
            self._roll(deployment, owned, new, now)
        self._report(deployment, new, now)

    def _claim(self, deployment: Manifest) -> None:
        for item in self.api.every("ReplicaSet"):
            labels = item["metadata"].get("labels") or {}
            matches = deployment["spec"]["selector"]["matchLabels"].items() <= labels.items()
            if matches and not _owner(item):
                item["metadata"]["ownerReferences"] = [{"uid": deployment["metadata"]["uid"], "controller": True}]

    def _scale_paused(self, owned: list[Manifest], new: Manifest | None, replicas: int) -> None:
        active = [item for item in owned if item["spec"]["replicas"]]
        saturated = new is not None and (
            new["spec"]["replicas"] == replicas
            and (new["metadata"].get("annotations") or {}).get(_DESIRED) == str(replicas)
        )
        for item in active:
            if saturated:
                item["spec"]["replicas"] = replicas if item is new else 0
            elif len(active) == 1:
                item["spec"]["replicas"] = replicas

    def _roll(self, deployment: Manifest, owned: list[Manifest], new: Manifest | None, now: float) -> None:
        replicas = deployment["spec"]["replicas"]
        if new is None:
            new = self._create(deployment)
        ordinals = [
            int((item["metadata"].get("annotations") or {}).get(_ORDINAL, 0)) for item in owned if item is not new
        ]
        annotations = new["metadata"].setdefault("annotations", {})
        annotations[_ORDINAL] = str(max([int(annotations.get(_ORDINAL, 0)), *(ordinal + 1 for ordinal in ordinals), 1]))
        new["spec"]["replicas"] = replicas
        if len(self._ready_of(new, now)) >= replicas:
            for item in owned:
                if item is not new:
                    item["spec"]["replicas"] = 0

    def _create(self, deployment: Manifest) -> Manifest:
        self.serial += 1
        template, revision = copy.deepcopy(deployment["spec"]["template"]), f"rs{self.serial}"
        template["metadata"]["labels"][POD_TEMPLATE_HASH] = revision
        name = f"{deployment['metadata']['name']}-{revision}"
        manifest = {
            "kind": "ReplicaSet",
            "metadata": {
                "name": name,
                "namespace": deployment["metadata"]["namespace"],
                "labels": dict(template["metadata"]["labels"]),
                "ownerReferences": [{"uid": deployment["metadata"]["uid"], "controller": True}],
            },
            "spec": {"replicas": 0, "template": template},
        }
        self.api.apply(manifest, "deployment-controller")
        created = self.api.get("ReplicaSet", name)
        assert created is not None
        return created

    def _report(self, deployment: Manifest, new: Manifest | None, now: float) -> None:
        sizes = {item["metadata"]["name"]: len(self._pods_of(item)) for item in self._owned(deployment)}
        deployment["status"] = {
            "observedGeneration": deployment["metadata"]["generation"],
            "replicas": sum(sizes.values()),
            "updatedReplicas": sizes.get(new["metadata"]["name"], 0) if new else 0,
            "availableReplicas": sum(len(self._ready_of(item, now)) for item in self._owned(deployment)),
        }

    def _replica_set(self, replica_set: Manifest, now: float) -> None:
        pods, wanted = self._pods_of(replica_set), replica_set["spec"]["replicas"]
        template = replica_set["spec"]["template"]
        image = template["spec"]["containers"][0]["image"]
        for _ in range(wanted - len(pods)):
            self.serial += 1
            name = f"{replica_set['metadata']['name']}-{self.serial:05d}"
            ready_at = float("inf") if image in self.never_ready else now + self.startup
            labels = template["metadata"]["labels"]
            self.pods[name] = Pod(name, replica_set["metadata"]["name"], labels, image, ready_at)
        for pod in pods[wanted:]:
            pod.leaving = now
        replica_set["status"] = {"readyReplicas": len(self._ready_of(replica_set, now))}

    def _pods_of(self, replica_set: Manifest) -> list[Pod]:
        name = replica_set["metadata"]["name"]
        return [pod for pod in self.pods.values() if pod.owner == name and pod.leaving is None]

    def _ready_of(self, replica_set: Manifest, now: float) -> list[Pod]:
        return [pod for pod in self._pods_of(replica_set) if pod.ready_at <= now]


def _owner(item: Manifest) -> str:
    owners = item["metadata"].get("ownerReferences") or [{"uid": ""}]
    return str(owners[0]["uid"])
